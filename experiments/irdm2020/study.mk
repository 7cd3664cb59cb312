# IRDM 2020 from nothing: a sweep over D1 to D6, its table, figures and report. SCALE=reduced needs images of brain, CT and dogs
# (docs/data.md); smoke draws phantoms for those that are missing. OPTIONS go to training and evaluation. Run again after a stop, it resumes.
.PHONY: irdm2020 irdm2020-figures aet

IRDM := outputs/irdm2020/$(SCALE)
IRDM_SWEEP := $(IRDM)/sweep
ifeq ($(SCALE),paper)
IRDM_STUDY := irdm2020
else
IRDM_STUDY := irdm2020/reduced
IRDM_JOBS := launcher=joblib threads=1
endif
ifeq ($(SCALE),smoke)
IRDM_DATA := paths.data=samples data.missing=substitute
IRDM_QUICK := debug=smoke
IRDM_QUICK_TABLE := data.size=32 step_deg=6 images=4 tuning_images=2 wedges_deg=[40,50,60,70,80] 'methods.tvm.tune.weight=[0.05]'
endif
IRDM_FIGURES := fig2 fig3 fig4a fig4b fig4cd fig6 figs1 claims

irdm2020: install ## IRDM 2020: smoke takes minutes, reduced two hours on two cores, paper days on a GPU
	$(BIN)/mwgan-train $(if $(wildcard $(IRDM_SWEEP)/multirun.yaml),resume=$(IRDM_SWEEP),-m experiment=$(IRDM_STUDY)/study \
	  data=d1,d2,d2_prime,d3,d4,d5,d6 seed=0,1 hydra.sweep.dir=$(IRDM_SWEEP) $(IRDM_JOBS) $(IRDM_DATA) $(IRDM_QUICK) $(OPTIONS))
	$(BIN)/mwgan-evaluate experiment=$(IRDM_STUDY)/evaluate sweep=$(IRDM_SWEEP) $(IRDM_DATA) $(IRDM_QUICK_TABLE) $(OPTIONS)
	for figure in $(IRDM_FIGURES); do \
	  $(BIN)/mwgan-figures experiment=irdm2020/figures/$$figure table=$(IRDM_SWEEP)/results folder=$(IRDM)/$$figure || exit 1; done
	$(BIN)/mwgan-figures report=$(IRDM_SWEEP)

irdm2020-figures: install
	$(BIN)/mwgan-figures table=experiments/irdm2020/shipped_weights/results 'figures=[nrmse_by_wedge,psnr_by_wedge]'
	$(BIN)/mwgan-figures table=experiments/irdm2020/shipped_weights/results 'figures=[comparison_panel]' wedges_deg=[40,60,80]
	for figure in $(IRDM_FIGURES); do $(BIN)/mwgan-figures experiment=irdm2020/figures/$$figure || exit 1; done

# The spots of a gold crystal in the missing wedge, and what each method makes up. SCALE=full draws larger particles in four orientations.
aet: install ## Figure 5 of IRDM 2020, a gold crystal: SCALE=smoke takes minutes, full hours
	$(if $(filter smoke full,$(SCALE)),,$(error make aet knows SCALE=smoke and SCALE=full))
	$(BIN)/python benchmarks/atoms_figure.py --scale $(SCALE) --folder outputs/aet/$(SCALE)
