# What needs a GPU, in MINUTES of training together: learned primal-dual at 64 to 256 pixels, IRDM on D1 and the joint model of Ding 2019
# at the papers' width. Then a table, and the weights in files of at most 16 MiB. Run again after a stop, it resumes where it was; with
# more MINUTES it trains further, on the inpainter that it has. OPTIONS go to every training.
.PHONY: gpu-study

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
# One training, for its share of the MINUTES: $(call gpu_train,NAME,SHARE,OPTIONS)
gpu_train = $(BIN)/mwgan-train $(3) $(GPU_OPTIONS) paths.run_dir=$(GPU_STUDY)/$(1) $(if $(call begun,$(1)),resume=$(GPU_STUDY)/$(1)) \
	  "+trainer.max_time={seconds: $$(awk 'BEGIN {print 60 * $(MINUTES) * $(2)}')}" $(OPTIONS)

gpu-study: install ## the trainings that need a GPU, in MINUTES=60 altogether
	$(call gpu_train,lpd,0.3,experiment=beyond/lpd $(GPU_SIZES))
	$(call gpu_train,irdm,0.3,experiment=irdm2020/d1)
	$(if $(call begun,joint),,$(call gpu_train,inpainting,0.2,experiment=ding2019/inpainting $(GPU_JOINT)))
	$(call gpu_train,joint,0.2,experiment=ding2019/deartifact $(GPU_JOINT) $(if $(call begun,joint),,$(GPU_INPAINTER)))
	$(BIN)/mwgan-evaluate -m data=drawn noise.percent=0,2 wedges_deg=[45,60] table=$(GPU_STUDY)/results_$(MINUTES)_minutes $(GPU_NETWORKS) $(GPU_TABLE)
	rm -rf $(GPU_STUDY)/weights && mkdir $(GPU_STUDY)/weights
	for name in lpd irdm joint; do $(BIN)/mwgan weights export $(GPU_STUDY)/$$name -o $(GPU_STUDY)/weights/$$name --max-shard-mib 16 || exit 1; done
