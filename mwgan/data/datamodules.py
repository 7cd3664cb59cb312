"""Image sources as Lightning data: the order of samples depends only on seed and epoch."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from mwgan.acquisition import FILLER, Sample, leading_seed
from mwgan.data.augmentation import Pose, augment
from mwgan.data.source import ImageSource, PlainSource, as_source, augmented_images, draw_seed
from mwgan.errors import InputError
from mwgan.memory import check_fits
from mwgan.signals import STOPS

FLOAT32 = 4  # bytes

VALIDATION_EPOCH = 2**31  # no training epoch has this number, so held-out samples never repeat a training sample


class SampleRequest(NamedTuple):
    """A request for a sample of a rank."""

    epoch: int
    image_index: int
    leader: int
    """Index of the first sample of its batch, over all ranks."""
    filler: bool
    """Whether it is padding: another rank has it too."""


class Draw(NamedTuple):
    """A :class:`Sample` before augmentation, which is done on the device."""

    image: Tensor
    seed: int | Tensor
    image_index: int | Tensor
    pose: Pose
    leader: int | Tensor


class SourceDataset(Dataset[Draw]):
    """Samples of a source by :class:`SampleRequest`, which carries the epoch to every worker."""

    def __init__(self, source: PlainSource, seed: int, slices: int = 1, sizes: Sequence[int] = ()) -> None:
        self.source, self.seed, self.slices, self.sizes = as_source(source), seed, slices, sizes

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, request: SampleRequest) -> Draw:
        epoch, index, leader, filler = request
        seed = draw_seed(self.seed, epoch, index)
        rng = _draws(seed)
        leading = draw_seed(self.seed, epoch, leader)
        # Slices are as far apart as the pixels after averaging down.
        spacing = round(self.source.size / size_of_batch(self.sizes, leading)) if self.slices > 1 else 1
        image = self.source.stack(index, rng, self.slices, spacing)
        pose = self.source.augmentation(index).draw(rng)
        return Draw(torch.from_numpy(image), seed, FILLER if filler else index, pose, leading)

    def sample(self, epoch: int, index: int) -> Sample:
        """One augmented sample."""
        seed = draw_seed(self.seed, epoch, index)
        return Sample(augmented_images(self.source, [index], [seed], [_draws(seed)])[0], seed, index)


def size_of_batch(sizes: Sequence[int], leading: int) -> int:
    """The side of a batch's images, sampled by the seed of its leader."""
    # Not the seed itself: its remainders choose the tilt step too, and sizes and steps must be independent.
    return sizes[(leading >> 16) % len(sizes)]


def _draws(seed: int) -> np.random.Generator:
    """The random generator of a sample's pose."""
    return np.random.Generator(np.random.SFC64(seed))


def _work_on(worker: int) -> None:
    """Let a worker ignore stop signals of the job, as the step in progress needs it, but not those of the training process."""
    for number in STOPS:
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
    if sys.platform != "win32" and hasattr(signal, "sigwaitinfo"):  # Linux: only there a worker can see the sender of a signal
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_with_parent, args=(signal.sigwaitinfo,), daemon=True).start()


def _end_with_parent(wait: Callable[[set[int]], Any]) -> None:
    while wait({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)


class EpochSampler(Sampler[SampleRequest]):
    """The requests of this rank: a shuffle by (seed, epoch), dealt out to the ranks one by one.

    So batch k of all ranks together contains the same samples as batch k of one process with the total batch size. All ranks get
    equally many samples: if the number doesn't divide, the last few of an epoch's shuffle are skipped in training; held-out
    samples are padded instead. In the first epoch, the first ``done`` samples (of all ranks together) are skipped: they were
    trained on before resuming.
    """

    def __init__(
        self, length: int, seed: int, shuffle: bool, batch_size: int, rank: int = 0, ranks: int = 1, epoch: int = 0, done: int = 0
    ) -> None:
        self.length, self.seed, self.shuffle, self.epoch, self.done = length, seed, shuffle, epoch, done
        self.rank, self.ranks, self.places = rank, ranks, batch_size * ranks

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch; held-out data keep their epoch."""
        if self.shuffle and epoch != self.epoch:
            self.epoch, self.done = epoch, 0

    def __len__(self) -> int:
        return self.length // self.ranks if self.shuffle else -(-self.length // self.ranks)

    def __iter__(self) -> Iterator[SampleRequest]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.length) if self.shuffle else np.arange(self.length)
        for position in range(self.done + self.rank, len(self) * self.ranks, self.ranks):
            leader = order[position // self.places * self.places]
            yield SampleRequest(self.epoch, int(order[position % self.length]), int(leader), position >= self.length)


class ImageDataModule(pl.LightningDataModule):
    """Training and validation images of two disjoint sources.

    Parameters
    ----------
    train, validation
        Image sources of the same size.
    batch_size
        Samples per process and step: two processes of 8 are equivalent to one of 16.
    workers
        Worker processes that make images; 0 makes them in the training process.
    prefetch
        Batches that each worker prepares in advance.
    seed
        Determines order, augmentation, wedge and noise of every sample.
    sizes
        Sides in pixels that training batches are averaged down to, one sampled per batch by its leader, so the same in
        all processes; validation uses the first. For networks for slices of any size.
    slices
        Neighbouring slices of a training sample, an odd number, for networks that use them; validation has one.
    """

    def __init__(
        self,
        train: PlainSource,
        validation: PlainSource,
        batch_size: int,
        workers: int = 0,
        seed: int = 0,
        sizes: Sequence[int] | None = None,
        prefetch: int = 2,
        slices: int = 1,
    ) -> None:
        super().__init__()
        if slices < 1 or slices % 2 == 0:
            raise InputError(f"a sample has an odd number of neighbouring slices, itself in the middle, not data.slices={slices}")
        if slices > 1 and not as_source(train).stacks:
            raise InputError(f"{train.name} has no neighbouring slices: take data.slices=1, or synthetic sources only")
        if prefetch < 1:
            raise InputError(f"data.prefetch must be 1 or more, not {prefetch}")
        needed = FLOAT32 * batch_size * slices * float(train.size) ** 2
        check_fits(needed, f"{batch_size} images of {train.size} pixels", "lower data.size or data.batch_size")
        self.sizes = tuple(sizes or (train.size,))
        if not all(8 <= size <= train.size for size in self.sizes):
            raise InputError(f"training sizes must be 8 to the images' own size of {train.size} pixels, not {list(self.sizes)}")
        self.train, self.validation = as_source(train), as_source(validation)
        self.batch_size, self.workers, self.seed, self.prefetch, self.slices = batch_size, workers, seed, prefetch, slices
        self._epoch = self._done = 0  # start of training: the epoch, and the number of its samples already trained on

    def state_dict(self) -> dict[str, int]:
        """The state of training: the samples trained on, without those that workers have prepared in advance."""
        assert self.trainer is not None
        epochs: Any = self.trainer.fit_loop.epoch_progress.current
        batches: Any = self.trainer.fit_loop.epoch_loop.batch_progress.current
        under_way = epochs.started > epochs.processed
        return {"epoch": epochs.processed, "samples": batches.processed * self._step if under_way else 0}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume training, possibly with another batch size or number of ranks.

        Raises
        ------
        InputError
            If the samples trained on are no whole number of such batches, or there are too many epochs.
        """
        self._epoch, self._done = state["epoch"], state["samples"]
        limit = self.trainer.max_epochs if self.trainer else None
        if limit is not None and 0 <= limit < self._epoch:
            raise InputError(f"{self._epoch} epochs were trained, more than trainer.max_epochs={limit}: raise it")
        if self._done % self._step:
            raise InputError(
                f"training was stopped after {self._done} samples of an epoch, which are no whole number of batches of "
                f"{self.batch_size} on each of {self._step // self.batch_size}: continue with data.batch_size and trainer.devices as before"
            )

    @property
    def _step(self) -> int:
        """Samples per step over all ranks."""
        return self.batch_size * (self.trainer.world_size if self.trainer else 1)

    def train_dataloader(self) -> DataLoader[Draw]:
        if self._done and self.trainer is not None:
            progress: Any = self.trainer.fit_loop.epoch_loop.batch_progress.current  # counts batches of the size before the stop
            more = self._done // self._step - progress.processed
            progress.ready, progress.started = progress.ready + more, progress.started + more
            progress.processed, progress.completed = progress.processed + more, progress.completed + more
        return self._loader(self.train, shuffle=True)

    def val_dataloader(self) -> DataLoader[Draw]:
        return self._loader(self.validation, shuffle=False)

    def transfer_batch_to_device(self, batch: Draw, device: torch.device, dataloader_idx: int) -> Draw:
        """Transfer only the images: seeds and poses are read on the CPU, and reading them from a GPU would synchronise."""
        return batch._replace(image=batch.image.to(device, non_blocking=device.type == "cuda"))

    def on_after_batch_transfer(self, batch: Draw, dataloader_idx: int) -> Sample:
        """Augment a batch on its device."""
        seed = torch.as_tensor(batch.seed)
        image = augment(batch.image, batch.pose, seed)
        size = self.sizes[0]
        if len(self.sizes) > 1 and self.trainer is not None and self.trainer.training:
            size = size_of_batch(self.sizes, leading_seed(seed, batch.leader))
        if size != image.shape[-1]:
            image = nn.functional.interpolate(image, size=(size, size), mode="bilinear", antialias=True)
        return Sample(image, batch.seed, batch.image_index, batch.leader)

    def _loader(self, source: ImageSource, shuffle: bool) -> DataLoader[Draw]:
        rank, ranks = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        epoch, done = (self._epoch, self._done) if shuffle else (VALIDATION_EPOCH, 0)
        if shuffle and len(source) < self.batch_size * ranks:
            places = f"{self.batch_size}" + (f" for each of {ranks} processes" if ranks > 1 else "")
            raise InputError(f"{len(source)} training images are less than a batch of {places}: lower data.batch_size or use more images")
        return DataLoader(
            SourceDataset(source, self.seed, self.slices if shuffle else 1, self.sizes),
            batch_size=self.batch_size,
            sampler=EpochSampler(len(source), self.seed, shuffle, self.batch_size, rank, ranks, epoch, done),  # type: ignore[arg-type]
            num_workers=self.workers,
            worker_init_fn=_work_on,
            drop_last=shuffle,
            persistent_workers=self.workers > 0,
            prefetch_factor=self.prefetch if self.workers > 0 else None,
            pin_memory=torch.cuda.is_available(),
        )
