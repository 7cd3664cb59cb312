# Ding 2019 from nothing: train, evaluate, draw. Run again after a stop, it resumes the joint model where it was.
.PHONY: ding2019 ding2019-figures

DING := outputs/ding2019/$(SCALE)
DING_STUDY := $(if $(filter paper,$(SCALE)),ding2019,ding2019/reduced)
DING_QUICK := $(if $(filter smoke,$(SCALE)),debug=smoke threads=1)
DING_QUICK_TABLE := $(if $(filter smoke,$(SCALE)),data.size=32 step_deg=6 images=6 tuning_images=2 'methods.tvm.tune.weight=[0.05]')
DING_ALONE := $(DING)/deartifact_alone$(if $(filter paper,$(SCALE)),,_finish)
DING_FIGURES := table4 table5 fig1 fig2 fig5 fig8 fig9 fig10 fig11 fig12 fig13
# Fig. 14 shows other specimens and has a table of its own.
DING_FIG14 := $(if $(filter smoke,$(SCALE)),data.size=32 step_deg=6 images=12 tuning_images=2 'methods.tvm.tune.weight=[0.05]') $(if $(filter paper,$(SCALE)),data.size=256 step_deg=1)

ding2019: install ## Ding 2019: smoke takes minutes, reduced two hours on two cores, paper days on a GPU
	$(BIN)/mwgan-train experiment=$(DING_STUDY)/joint paths.run_dir=$(DING)/joint $(if $(wildcard $(DING)/joint/inpainting),resume=$(DING)/joint) $(DING_QUICK)
	$(BIN)/mwgan-train experiment=$(DING_STUDY)/deartifact_alone paths.run_dir=$(DING)/deartifact_alone $(DING_QUICK)
	$(if $(filter paper,$(SCALE)),,$(BIN)/mwgan-train experiment=$(DING_STUDY)/deartifact_alone_finish init=$(DING)/deartifact_alone paths.run_dir=$(DING_ALONE) $(DING_QUICK))
	$(BIN)/mwgan-train experiment=$(DING_STUDY)/irdm $(if $(filter paper,$(SCALE)),,init=irdm) paths.run_dir=$(DING)/irdm $(DING_QUICK)
	$(BIN)/mwgan-evaluate experiment=$(DING_STUDY)/evaluate table=$(DING)/results $(DING_QUICK_TABLE) \
	  'checkpoints={irdm: $(DING)/irdm, inpainting_wbp: $(DING)/joint/inpainting, deartifact: $(DING_ALONE), joint: $(DING)/joint}'
	for figure in $(DING_FIGURES); do \
	  $(BIN)/mwgan-figures experiment=ding2019/figures/$$figure table=$(DING)/results folder=$(DING)/$$figure || exit 1; done
	$(BIN)/mwgan-evaluate experiment=ding2019/evaluate_fig14 table=$(DING)/fig14/results $(DING_FIG14) methods.joint=null 'checkpoints={joint: $(DING)/joint}'
	$(BIN)/mwgan-figures experiment=ding2019/figures/fig14 table=$(DING)/fig14/results folder=$(DING)/fig14

ding2019-figures: install
	for figure in $(DING_FIGURES); do $(BIN)/mwgan-figures experiment=ding2019/figures/$$figure || exit 1; done
	$(BIN)/mwgan-figures experiment=ding2019/figures/fig14
