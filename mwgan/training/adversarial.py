"""Adversarial training, once for every model: manual optimisation of a generator and, if there is one, a discriminator.

The order of a step works with resuming and with two ranks: the generator's output is computed once, before anything is frozen; the
discriminator is trained on its detached copy; then the generator is trained on the same output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from mwgan.acquisition import FILLER, Acquisition, Sample
from mwgan.errors import InputError
from mwgan.files.record import TrainingRecord
from mwgan.files.weights import RECORD_KEY
from mwgan.losses import AdversarialLoss, PixelLoss
from mwgan.metrics import ImageQuality, image_metrics
from mwgan.recon.task import Task
from mwgan.training import compiling
from mwgan.training.epoch_means import EpochMeans
from mwgan.training.examples import MakesExamples, as_examples, example
from mwgan.training.schedules import as_configured
from mwgan.training.shared_statistics import share_statistics

OptimizerFactory = Callable[[Any], torch.optim.Optimizer]
MEANS_KEY = "epoch_means"
ScheduleFactory = Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LRScheduler]


class AdversarialModule(pl.LightningModule):
    """Trains a generator on a pixel loss and, with a discriminator, on an adversarial loss.

    Optimisers and schedules are kept in the order (generator, discriminator): a checkpoint restores them by position. It
    restores their state and progress; their settings come from the configuration.
    Schedules step at the end of each epoch. ``trainer.global_step`` counts the steps of both optimisers; the log's
    ``train/batches`` counts batches and ``train/images`` the images in them, summed over all processes.

    Parameters
    ----------
    generator, task
        The network, and its input and output (:mod:`mwgan.recon.task`).
    acquisition
        Simulates the acquisition of each batch of images, on the training device.
    examples
        Makes the generator's training pairs where they differ from what the task gives it in use.
    frozen
        Parts of the generator that are not trained, by name.
    pixel_loss, pixel_weight
        Loss against the target and its weight. IRDM 2020 states no pixel term; its weight is our choice.
    generator_optimizer, generator_schedule
        Partials that take the parameters and the optimiser.
    iterate_weight
        For a generator that unrolls an iteration and has ``iterates``: total weight of its intermediate tomograms in the pixel
        loss; later ones weigh more.
    discriminator, adversarial_loss, adversarial_weight, discriminator_optimizer, discriminator_schedule
        The adversarial part; without a discriminator only the pixel loss is trained.
    gradient_clip
        Largest gradient norm of each network, or None.
    compile
        Mode of ``torch.compile`` for the networks (``default``, ``reduce-overhead``, …), or None. Weights and checkpoints
        are the same with and without.
    record
        How to rebuild the model and its provenance; saved in every checkpoint.
    """

    batches: Tensor
    images: Tensor

    def __init__(
        self,
        generator: nn.Module,
        task: Task,
        acquisition: Acquisition,
        pixel_loss: PixelLoss,
        generator_optimizer: OptimizerFactory,
        generator_schedule: ScheduleFactory | None = None,
        discriminator: nn.Module | None = None,
        adversarial_loss: AdversarialLoss | None = None,
        discriminator_optimizer: OptimizerFactory | None = None,
        discriminator_schedule: ScheduleFactory | None = None,
        pixel_weight: float = 1.0,
        adversarial_weight: float = 1.0,
        gradient_clip: float | None = None,
        channels_last: bool = True,
        record: TrainingRecord | None = None,
        examples: MakesExamples | None = None,
        frozen: Sequence[str] = (),
        compile: str | None = None,
        iterate_weight: float = 0.0,
    ) -> None:
        super().__init__()
        if iterate_weight and not hasattr(generator, "iterates"):
            raise InputError(
                f"iterate_weight needs a generator that unrolls an iteration, and a {type(generator).__name__} does not: leave it 0"
            )
        if discriminator is not None and (adversarial_loss is None or discriminator_optimizer is None):
            raise InputError("a discriminator needs an adversarial_loss and a discriminator_optimizer")
        self.automatic_optimization = False
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.generator = generator.to(memory_format=layout)  # type: ignore[call-overload]
        for part in frozen:
            if part not in dict(generator.named_children()):
                raise InputError(f"the generator has no part {part!r} to freeze: it has {', '.join(dict(generator.named_children()))}")
            self.generator.get_submodule(part).requires_grad_(False)
        self.discriminator = None if discriminator is None else discriminator.to(memory_format=layout)  # type: ignore[call-overload]
        self.layout, self.compile_mode = layout, compile
        if compile is not None:
            compiling.compile_in_place([network for network in (self.generator, self.discriminator) if network is not None], compile)
        self.task, self.acquisition = task, acquisition
        self.examples = None if examples is None else as_examples(examples)
        self.pixel_loss, self.pixel_weight, self.iterate_weight = pixel_loss, pixel_weight, iterate_weight
        self.adversarial_loss, self.adversarial_weight = adversarial_loss, adversarial_weight
        self.optimizer_factories = [generator_optimizer] + ([discriminator_optimizer] if discriminator_optimizer and discriminator else [])
        self.schedule_factories = [generator_schedule, discriminator_schedule][: len(self.optimizer_factories)]
        self.gradient_clip, self.record = gradient_clip, record
        self.quality = ImageQuality()
        self.means, self._means_logged = EpochMeans(), False
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))
        self.register_buffer("images", torch.zeros((), dtype=torch.long))

    def forward(self, sample: Sample) -> tuple[Tensor, Tensor, Tensor]:
        """The generator's input, output and target (each (B, 1, H, W)), for display."""
        measurement = self.acquisition(sample.image, torch.as_tensor(sample.seed), leader=sample.leader)
        seen = self.task.see(measurement)
        return self.task.condition(seen), self.generator(seen), self.task.target(sample.image, measurement)

    def on_fit_start(self) -> None:
        compiling.check_compiler(self.compile_mode, self.device)

    def training_step(self, batch: Sample, batch_index: int) -> None:
        compiling.begin_step(self.compile_mode)
        seen, target = self._example(batch)
        condition = self.task.condition(seen).to(memory_format=self.layout)
        # Before any freezing: the generator's step needs its graph.
        earlier, output = self._generated(seen)
        optimizers = self._optimizers()
        logged: dict[str, Tensor] = {}
        if self.discriminator is not None:
            logged |= self._discriminator_step(optimizers[1], output.detach(), target, condition)
        logged |= self._generator_step(optimizers[0], output, target, condition, earlier)
        share_statistics(self, self.trainer.world_size)
        self.batches += 1
        self.images += len(batch.image) * self.trainer.world_size
        self.means.add(logged, len(batch.image))
        if self.trainer.is_last_batch:
            self._log_means()

    def _log_means(self) -> None:
        means = {f"train/{name}": value for name, value in self.means.means().items()}
        self.log_dict(means, on_step=False, on_epoch=True, batch_size=1, sync_dist=True)  # between processes once an epoch
        self._means_logged = True

    @torch.no_grad()
    def _example(self, batch: Sample) -> tuple[Any, Tensor]:
        seen, target = example(self.examples, self.task, self.acquisition, self.generator, batch)
        seen = seen.to(memory_format=self.layout) if isinstance(seen, Tensor) else seen
        return seen, target.to(memory_format=self.layout)

    def _discriminator_step(self, optimizer: Any, fake: Tensor, real: Tensor, condition: Tensor) -> dict[str, Tensor]:
        assert self.discriminator is not None
        assert self.adversarial_loss is not None
        with self.toggled_optimizer(optimizer):
            score_real, score_fake = self._score(real, condition), self._score(fake, condition)
            loss = self.adversarial_loss.discriminator(score_real, score_fake)
            norm = self._descend(optimizer, loss)
        return {
            "discriminator_loss": loss.detach(),
            "score_real": score_real.detach().mean(),
            "score_fake": score_fake.detach().mean(),
            "discriminator_gradient": norm,
        }

    def _generated(self, seen: Any) -> tuple[list[Tensor], Tensor]:
        """The intermediate iterates, where they count in the loss, and the generator's output."""
        if not self.iterate_weight:
            return [], self.generator(seen).float()
        *earlier, output = self.generator.iterates(seen)  # type: ignore[operator]
        return [iterate.float() for iterate in earlier], output.float()

    def _generator_step(
        self, optimizer: Any, output: Tensor, target: Tensor, condition: Tensor, earlier: Sequence[Tensor] = ()
    ) -> dict[str, Tensor]:
        with self.toggled_optimizer(optimizer):
            pixel = self.pixel_loss(output, target)
            loss, logged = self.pixel_weight * pixel, {"pixel_loss": pixel.detach()}
            for number, iterate in enumerate(earlier, 1):  # their shares, 1, 2, 3 …, add up to 1
                share = 2 * number / (len(earlier) * (len(earlier) + 1))
                loss = loss + self.pixel_weight * self.iterate_weight * share * self.pixel_loss(iterate, target)
            if self.discriminator is not None:
                assert self.adversarial_loss is not None
                adversarial = self.adversarial_loss.generator(self._score(target, condition), self._score(output, condition))
                loss = loss + self.adversarial_weight * adversarial
                logged["adversarial_loss"] = adversarial.detach()
            logged["generator_gradient"] = self._descend(optimizer, loss)
        return logged

    def _score(self, image: Tensor, condition: Tensor) -> Tensor:
        """The discriminator's scores in full precision: losses compare them with each other's means."""
        assert self.discriminator is not None
        scores: Tensor = self.discriminator(image, condition)
        return scores.float()

    def _descend(self, optimizer: Any, loss: Tensor) -> Tensor:
        """One optimiser step on ``loss``; the gradient's norm before clipping."""
        optimizer.zero_grad()
        self.manual_backward(loss)
        trained = [weight for group in optimizer.param_groups for weight in group["params"] if weight.grad is not None]
        norm = nn.utils.get_total_norm([weight.grad for weight in trained])
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        if scaler is not None:
            # In half precision gradients are scaled until the optimiser's step. Lightning's clip_gradients clips the scaled
            # ones, and refuses fused optimisers; the unscaled norm clips correctly, and is the one to log.
            norm = norm / scaler.scale(torch.ones_like(norm))
        if self.gradient_clip is not None:
            nn.utils.clip_grads_with_norm_(trained, self.gradient_clip, norm)
        optimizer.step()
        return norm

    def on_train_start(self) -> None:
        self.means.to(self.device)

    def on_train_epoch_start(self) -> None:
        self.means.reset()
        self._means_logged = False

    def on_train_epoch_end(self) -> None:
        if not self._means_logged:  # the epoch's steps were all done before a stop, or it was cut short
            self._log_means()
        if not bool(self.means.means().get("pixel_loss", torch.zeros(())).isfinite()):
            raise InputError("the pixel loss is NaN: lower the learning rates, or train with trainer.precision=32-true")
        self.log_dict({"train/batches": self.batches.float(), "train/images": self.images.float()})
        for name, optimizer in zip(("generator", "discriminator"), self._optimizers(), strict=False):
            self.log(f"train/{name}_lr", optimizer.param_groups[0]["lr"])
        schedules = self.lr_schedulers() or []
        for schedule in schedules if isinstance(schedules, list) else [schedules]:
            schedule.step()  # type: ignore[call-arg]

    def validation_step(self, batch: Sample, batch_index: int) -> dict[str, Tensor]:
        """The quality of each image (B,) and its missing wedge in degrees (B,), for callbacks that need more than the mean.

        Padding samples are left out, also of the mean, so that the result equals that of one process.
        """
        measurement = self.acquisition(batch.image, torch.as_tensor(batch.seed), leader=batch.leader)
        tomogram = self.task.tomogram(self.generator(self.task.see(measurement)), measurement)
        counted = torch.as_tensor(batch.image_index).cpu() != FILLER
        values = {name: value[counted] for name, value in image_metrics(tomogram, batch.image).items()}
        self.quality.update(values)
        measured = measurement.measured_tilts[:, 0, :, 0].double().mean(dim=1).expand(len(batch.image))
        return {**values, "wedge_deg": 180 * (1 - measured[counted])}  # of a full grid of tilts

    def on_validation_epoch_end(self) -> None:
        self.log_dict({f"val/{name}": value.float() for name, value in self.quality.compute().items()}, prog_bar=True)
        self.quality.reset()

    def configure_optimizers(self) -> Any:
        networks = [self.generator, self.discriminator]
        trained = [[weight for weight in network.parameters() if weight.requires_grad] for network in networks if network]
        optimizers = [make(weights) for make, weights in zip(self.optimizer_factories, trained, strict=True)]
        schedules = [make(optimizer) for make, optimizer in zip(self.schedule_factories, optimizers, strict=True) if make]
        return optimizers, schedules

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[RECORD_KEY] = {} if self.record is None else self.record.to_plain()
        checkpoint[MEANS_KEY] = self.means.state_dict(lambda sums: torch.as_tensor(self.trainer.strategy.reduce(sums, reduce_op="mean")))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.means.load_state_dict(checkpoint.get(MEANS_KEY, {}), self.device)
        epochs = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
        optimizers, schedules = self.configure_optimizers()
        if "optimizer_states" in checkpoint:
            as_configured(checkpoint, optimizers, schedules, epochs)

    def _optimizers(self) -> list[Any]:
        optimizers = self.optimizers()
        return optimizers if isinstance(optimizers, list) else [optimizers]
