"""Training curves: losses, the discriminator's scores, gradient norms and quality against the images seen."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from mwgan.errors import InputError
from mwgan.figures.parts.style import new_figure

PANELS = {
    "losses": {
        "train/pixel_loss": "pixel",
        "train/adversarial_loss": "generator, adversarial",
        "train/discriminator_loss": "discriminator",
    },
    "discriminator's scores": {"train/score_real": "real", "train/score_fake": "generated"},
    "gradient norms": {"train/generator_gradient": "generator", "train/discriminator_gradient": "discriminator"},
    "PSNR / dB, held out": {"val/psnr": "PSNR"},
}
LOGARITHMIC = ("losses", "gradient norms")
COLORS = ("#0072B2", "#D55E00", "#009E73")


def training_curves(log: pd.DataFrame) -> Figure:
    """A panel for each of losses, scores, gradient norms and PSNR in the log.

    Parameters
    ----------
    log
        A run's ``csv/metrics.csv``; ``epoch`` and the keys that :class:`mwgan.training.AdversarialModule` logs.
    """
    epochs = log.groupby("epoch").last()  # a value an epoch and key, whichever row it stands in
    panels = {title: {key: name for key, name in keys.items() if key in epochs} for title, keys in PANELS.items()}
    panels = {title: keys for title, keys in panels.items() if keys}
    if not panels:
        raise InputError("the log has no losses or quality of a training: give the folder of one training or stage (run=…)")
    images = epochs["train/images"] if "train/images" in epochs else epochs.index + 1
    figure = new_figure(2.9 * len(panels), 2.6)
    for axis, (title, keys) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for (key, name), color in zip(keys.items(), COLORS, strict=False):
            axis.plot(images, epochs[key], color=color, marker="o", markersize=3, linewidth=1.4, label=name)
        if title in LOGARITHMIC:
            axis.set_yscale("log")
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("images seen" if "train/images" in epochs else "epoch", fontsize=8)
        axis.tick_params(which="both", labelsize=7)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
        if len(keys) > 1:
            axis.legend(frameon=False, fontsize=7)
    return figure
