# Everything a newcomer needs: Python 3.10 to 3.14 and make. Each target installs what it uses into .venv first.
PYTHON ?= python3
BIN := .venv/bin
# A process a core, each with files of its own: tests of one file share what they prepare.
SIDE_BY_SIDE := --numprocesses logical --maxprocesses 8 --dist loadfile
DEMO := outputs/demo
SCALE_GIVEN := $(SCALE)
SCALE ?= smoke

.PHONY: install demo ding2019 irdm2020 beyond aet gpu-study test test-all test-gpu test-systems test-cluster test-faults lint types bench smoke-wheel figures constraints clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15) and "mwgan needs Python 3.10 to 3.14: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# Take a shipped network to other specimens, compare with tuned classical methods, draw, reconstruct a measured series: about 10 CPU minutes.
demo: install
	rm -rf $(DEMO)
	$(BIN)/mwgan demo --output $(DEMO)

test: install lint types
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not slow and not wheel and not cluster and not faults and not gpu"

test-all: install lint types
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not wheel and not cluster and not faults and not gpu"

# What runs on a GPU, beside the CPU's numbers. Where there is none every test says so; MWGAN_TEST_DEVICE=cpu tries the tests themselves.
test-gpu: install
	$(BIN)/python -m pytest -m gpu -rs

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

# Runs by SLURM, on a cluster that this one machine is for the tests alone: a sweep, several ranks, jobs that are queued again.
test-cluster: install
	@[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "make test-cluster starts SLURM's daemons: run it as root on Debian"; exit 1; }
	command -v munged slurmctld slurmd >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq slurm-wlm munge; }
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[slurm]'
	$(BIN)/python -m pytest -m cluster

# Kills at random moments, full disks, two programs on one name, fuzzed files; as root on Linux it mounts small disks (docs/reliability.md).
test-faults: install
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m faults

# Windows and macOS as far as this system can tell, by their types and by imitation; a checkout that was never installed.
test-systems: install
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
	$(BIN)/python -m pytest tests/e2e/test_other_systems.py

# The wheel in an empty environment, run from an empty folder.
smoke-wheel: install
	$(BIN)/python -m pytest -m wheel

bench: install
	$(BIN)/python benchmarks/operators.py
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/reconstruction.py
	$(BIN)/python benchmarks/data.py
	$(BIN)/python benchmarks/specimens.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/cost.py
	$(BIN)/python benchmarks/field.py
	$(BIN)/python benchmarks/alignment.py
	$(BIN)/python benchmarks/atoms.py

# Redraw every recorded figure. With SCALE=smoke: every figure from nothing, trainings included, in minutes
# (SCALE=reduced: hours on two cores; SCALE=paper: days on a GPU).
figures: install
ifeq ($(SCALE_GIVEN),)
	$(BIN)/mwgan-figures table=experiments/irdm2020/shipped_weights/results 'figures=[nrmse_by_wedge,psnr_by_wedge]'
	$(BIN)/mwgan-figures table=experiments/irdm2020/shipped_weights/results 'figures=[comparison_panel]' wedges_deg=[40,60,80]
	for figure in $(IRDM_FIGURES); do $(BIN)/mwgan-figures experiment=irdm2020/figures/$$figure || exit 1; done
	for figure in $(DING_FIGURES); do $(BIN)/mwgan-figures experiment=ding2019/figures/$$figure || exit 1; done
	$(BIN)/mwgan-figures experiment=ding2019/figures/fig14
	for figure in $(BEYOND_FIGURES); do $(BIN)/mwgan-figures experiment=beyond/figures/$$figure || exit 1; done
else
	$(MAKE) irdm2020 ding2019 $(if $(filter paper,$(SCALE)),,beyond) SCALE=$(SCALE)
endif

# The whole study of Ding 2019 from nothing: train, evaluate, draw. SCALE=smoke takes minutes, reduced two hours on two cores,
# paper days on a GPU. Run again after a stop, it continues with the joint model where it was.
DING := outputs/ding2019/$(SCALE)
STUDY := $(if $(filter paper,$(SCALE)),ding2019,ding2019/reduced)
QUICK := $(if $(filter smoke,$(SCALE)),debug=smoke threads=1)
QUICK_TABLE := $(if $(filter smoke,$(SCALE)),data.size=32 step_deg=6 images=6 tuning_images=2 'methods.tvm.tune.weight=[0.05]')
ALONE := $(DING)/deartifact_alone$(if $(filter paper,$(SCALE)),,_finish)
DING_FIGURES := table4 table5 fig1 fig2 fig5 fig8 fig9 fig10 fig11 fig12 fig13
# Fig. 14 has a table of its own: other specimens.
DING_FIG14 := $(if $(filter smoke,$(SCALE)),data.size=32 step_deg=6 images=12 tuning_images=2 'methods.tvm.tune.weight=[0.05]') $(if $(filter paper,$(SCALE)),data.size=256 step_deg=1)

ding2019: install
	$(BIN)/mwgan-train experiment=$(STUDY)/joint paths.run_dir=$(DING)/joint $(if $(wildcard $(DING)/joint/inpainting),resume=$(DING)/joint) $(QUICK)
	$(BIN)/mwgan-train experiment=$(STUDY)/deartifact_alone paths.run_dir=$(DING)/deartifact_alone $(QUICK)
	$(if $(filter paper,$(SCALE)),,$(BIN)/mwgan-train experiment=$(STUDY)/deartifact_alone_finish init=$(DING)/deartifact_alone paths.run_dir=$(ALONE) $(QUICK))
	$(BIN)/mwgan-train experiment=$(STUDY)/irdm $(if $(filter paper,$(SCALE)),,init=irdm) paths.run_dir=$(DING)/irdm $(QUICK)
	$(BIN)/mwgan-evaluate experiment=$(STUDY)/evaluate table=$(DING)/results $(QUICK_TABLE) \
	  'checkpoints={irdm: $(DING)/irdm, inpainting_wbp: $(DING)/joint/inpainting, deartifact: $(ALONE), joint: $(DING)/joint}'
	for figure in $(DING_FIGURES); do \
	  $(BIN)/mwgan-figures experiment=ding2019/figures/$$figure table=$(DING)/results folder=$(DING)/$$figure || exit 1; done
	$(BIN)/mwgan-evaluate experiment=ding2019/evaluate_fig14 table=$(DING)/fig14/results $(DING_FIG14) methods.joint=null 'checkpoints={joint: $(DING)/joint}'
	$(BIN)/mwgan-figures experiment=ding2019/figures/fig14 table=$(DING)/fig14/results folder=$(DING)/fig14

# The whole study of IRDM 2020 from nothing: a sweep over D1 to D6, its table, figures and report. SCALE=reduced wants images of
# brain, CT and dogs (docs/data.md) and two hours on two cores; smoke makes do with phantoms for those that aren't there.
# OPTIONS are handed to training and evaluation. Run again after a stop, it resumes where it was.
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

irdm2020: install
	$(BIN)/mwgan-train $(if $(wildcard $(IRDM_SWEEP)/multirun.yaml),resume=$(IRDM_SWEEP),-m experiment=$(IRDM_STUDY)/study \
	  data=d1,d2,d2_prime,d3,d4,d5,d6 seed=0,1 hydra.sweep.dir=$(IRDM_SWEEP) $(IRDM_JOBS) $(IRDM_DATA) $(IRDM_QUICK) $(OPTIONS))
	$(BIN)/mwgan-evaluate experiment=$(IRDM_STUDY)/evaluate sweep=$(IRDM_SWEEP) $(IRDM_DATA) $(IRDM_QUICK_TABLE) $(OPTIONS)
	for figure in $(IRDM_FIGURES); do \
	  $(BIN)/mwgan-figures experiment=irdm2020/figures/$$figure table=$(IRDM_SWEEP)/results folder=$(IRDM)/$$figure || exit 1; done
	$(BIN)/mwgan-figures report=$(IRDM_SWEEP)

# Networks that know the physics beside those of the papers, from nothing: the same drawn images for all. SCALE=smoke takes minutes;
# reduced half a day on two cores, and it wants images of brain, CT and dogs to test on (docs/data.md).
BEYOND := outputs/beyond/$(SCALE)
BEYOND_TRAIN := $(BIN)/mwgan-train $(if $(filter smoke,$(SCALE)),debug=smoke) threads=1
BEYOND_NETWORKS := 'checkpoints={irdm_pixel: $(BEYOND)/unetpp, irdm: $(BEYOND)/irdm, joint: $(BEYOND)/joint, lpd: $(BEYOND)/lpd, lpd_gan: $(BEYOND)/lpd_gan}'
ifeq ($(SCALE),smoke)
BEYOND_DATA := paths.data=samples data.missing=substitute
BEYOND_QUICK := data.size=32 step_deg=6 wedges_deg=[30,60,70,80] images=6 tuning_images=6 kept_images=6
BEYOND_QUICK_TUNING := methods.sirt.tune.iterations=[50] methods.tvm.tune.weight=[0.025] 'methods.tvm_directional.tune.direction_weights=[[1.4,0.7]]' data_consistency=[0.5]
endif
BEYOND_FIGURES := wedge_sweep wedge_table brain challenge challenge_table measured measured_table tooth trust

beyond: install
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

# What wants a GPU, in MINUTES of training together: learned primal-dual at 64 to 256 pixels, IRDM on D1 and the joint model of Ding 2019
# at the papers' width. Then a table, and the weights in files of at most 16 MiB. Run again after a stop, it resumes where it was; with
# more MINUTES it trains further, on the inpainter that it has. OPTIONS are handed to every training.
GPU_STUDY := outputs/gpu_study
MINUTES := 60
ifeq ($(SCALE_GIVEN),smoke)
GPU_OPTIONS := debug=smoke threads=1
GPU_TABLE := data.size=32 step_deg=6 images=4 tuning_images=2 'methods.tvm.tune.weight=[0.05]'
else
GPU_OPTIONS := trainer.precision=bf16-mixed data.workers=8
GPU_SIZES := data.size=256 'data.sizes=[64,64,96,96,128,256]' data.batch_size=16 trainer.max_epochs=1000 trainer.limit_train_batches=500
GPU_JOINT_SIZES := data.size=256 data.batch_size=8 trainer.limit_train_batches=500
GPU_TABLE := data.size=256 images=16 device=cuda
endif
GPU_JOINT := data=drawn wedge=fixed_45 acquisition=gaussian $(GPU_JOINT_SIZES)
GPU_INPAINTER := init={generator.inpainter:$(GPU_STUDY)/inpainting}
GPU_NETWORKS := 'checkpoints={lpd: $(GPU_STUDY)/lpd, irdm: $(GPU_STUDY)/irdm, joint: $(GPU_STUDY)/joint}'
begun = $(wildcard $(GPU_STUDY)/$(1)/checkpoints/last.ckpt)
# A training by its name, for its share of the MINUTES: $(call gpu_train,NAME,SHARE,OPTIONS)
gpu_train = $(BIN)/mwgan-train $(3) $(GPU_OPTIONS) paths.run_dir=$(GPU_STUDY)/$(1) $(if $(call begun,$(1)),resume=$(GPU_STUDY)/$(1)) \
	  "+trainer.max_time={seconds: $$(awk 'BEGIN {print 60 * $(MINUTES) * $(2)}')}" $(OPTIONS)

gpu-study: install
	$(call gpu_train,lpd,0.3,experiment=beyond/lpd $(GPU_SIZES))
	$(call gpu_train,irdm,0.3,experiment=irdm2020/d1)
	$(if $(call begun,joint),,$(call gpu_train,inpainting,0.2,experiment=ding2019/inpainting $(GPU_JOINT)))
	$(call gpu_train,joint,0.2,experiment=ding2019/deartifact $(GPU_JOINT) $(if $(call begun,joint),,$(GPU_INPAINTER)))
	$(BIN)/mwgan-evaluate -m data=drawn noise.percent=0,2 wedges_deg=[45,60] table=$(GPU_STUDY)/results_$(MINUTES)_minutes $(GPU_NETWORKS) $(GPU_TABLE)
	rm -rf $(GPU_STUDY)/weights && mkdir $(GPU_STUDY)/weights
	for name in lpd irdm joint; do $(BIN)/mwgan weights export $(GPU_STUDY)/$$name -o $(GPU_STUDY)/weights/$$name --max-shard-mib 16 || exit 1; done

# Figure 5 of IRDM 2020, a gold crystal's spots in the missing wedge, and what each method makes up: figure and table. SCALE=smoke takes
# minutes; full is of larger particles in four orientations each.
aet: install
	$(if $(filter smoke full,$(SCALE)),,$(error make aet knows SCALE=smoke and SCALE=full))
	$(BIN)/python benchmarks/atoms_figure.py --scale $(SCALE) --folder outputs/aet/$(SCALE)

# Without the extra perceptual, whose torchvision brings CUDA with it. Torch stays where it is: moving it is a step of its own.
constraints: install
	$(BIN)/python -m pip install --quiet uv
	grep '^torch==' constraints.txt > constraints.torch
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-annotate --no-header --constraint constraints.torch --extra slurm --extra dev pyproject.toml \
	  | grep -Ev '^(nvidia|cuda|triton)' > constraints.new && mv constraints.new constraints.txt
	rm constraints.torch

clean:
	rm -rf outputs dist build .pytest_cache .mypy_cache .ruff_cache
