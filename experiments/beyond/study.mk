# LPD and its rivals from nothing, all trained on the same drawings. SCALE=reduced tests on images of brain, CT and dogs (docs/data.md).
.PHONY: beyond beyond-figures

BEYOND := outputs/beyond/$(SCALE)
BEYOND_TRAIN := $(BIN)/mwgan-train $(if $(filter smoke,$(SCALE)),debug=smoke) threads=1
BEYOND_NETWORKS := 'checkpoints={irdm_pixel: $(BEYOND)/unetpp, irdm: $(BEYOND)/irdm, joint: $(BEYOND)/joint, lpd: $(BEYOND)/lpd, lpd_gan: $(BEYOND)/lpd_gan}'
ifeq ($(SCALE),smoke)
BEYOND_DATA := paths.data=samples data.missing=substitute
BEYOND_QUICK := data.size=32 step_deg=6 wedges_deg=[30,60,70,80] images=6 tuning_images=6 kept_images=6
BEYOND_QUICK_TUNING := methods.sirt.tune.iterations=[50] methods.tvm.tune.weight=[0.025] 'methods.tvm_directional.tune.direction_weights=[[1.4,0.7]]' data_consistency=[0.5]
endif
BEYOND_FIGURES := wedge_sweep wedge_table brain challenge challenge_table measured measured_table tooth trust

beyond: install ## LPD beside every other method: smoke takes minutes, reduced half a day on two cores
	$(if $(filter paper,$(SCALE)),$(error these networks are of no paper: take SCALE=smoke or SCALE=reduced))
	$(BEYOND_TRAIN) experiment=beyond/lpd paths.run_dir=$(BEYOND)/lpd $(OPTIONS)
	$(BEYOND_TRAIN) experiment=beyond/unetpp paths.run_dir=$(BEYOND)/unetpp $(OPTIONS)
	$(BEYOND_TRAIN) experiment=beyond/lpd_gan init=$(BEYOND)/lpd paths.run_dir=$(BEYOND)/lpd_gan $(OPTIONS)
	$(BEYOND_TRAIN) experiment=beyond/irdm init=$(BEYOND)/unetpp paths.run_dir=$(BEYOND)/irdm $(OPTIONS)
	$(BEYOND_TRAIN) experiment=beyond/joint paths.run_dir=$(BEYOND)/joint $(if $(wildcard $(BEYOND)/joint/inpainting),resume=$(BEYOND)/joint) $(OPTIONS)
	$(BIN)/mwgan-evaluate -m experiment=beyond/evaluate_wedges noise.percent=0,2,5 table=$(BEYOND)/wedge_sweep/results $(BEYOND_NETWORKS) $(BEYOND_DATA) $(BEYOND_QUICK) $(BEYOND_QUICK_TUNING) $(OPTIONS)
	$(BIN)/mwgan-evaluate experiment=beyond/evaluate_trust table=$(BEYOND)/trust/results $(BEYOND_NETWORKS) $(BEYOND_DATA) $(BEYOND_QUICK) $(OPTIONS)
	$(BIN)/mwgan-evaluate experiment=beyond/evaluate_challenge table=$(BEYOND)/challenge/results $(BEYOND_NETWORKS) $(BEYOND_QUICK)
	$(BIN)/mwgan-evaluate experiment=beyond/evaluate_measured table=$(BEYOND)/measured/results $(BEYOND_NETWORKS) $(BEYOND_QUICK) $(BEYOND_QUICK_TUNING)
	for pair in wedge_sweep:wedge_sweep wedge_table:wedge_sweep brain:wedge_sweep challenge:challenge challenge_table:challenge measured:measured measured_table:measured tooth:measured trust:trust; do \
	  $(BIN)/mwgan-figures experiment=beyond/figures/$${pair%%:*} table=$(BEYOND)/$${pair##*:}/results folder=$(BEYOND)/$${pair##*:} || exit 1; done

beyond-figures: install
	for figure in $(BEYOND_FIGURES); do $(BIN)/mwgan-figures experiment=beyond/figures/$$figure || exit 1; done
