"""Networks: plain ``torch.nn`` modules, independent of training and tomography."""

from mwgan.networks.dual_path_discriminator import DualPathDiscriminator
from mwgan.networks.residual_unet3d import ResidualUNet3d
from mwgan.networks.rrdb import RRDB
from mwgan.networks.stack_discriminator import StackDiscriminator
from mwgan.networks.unet import UNet
from mwgan.networks.unetpp import UNetPlusPlus
from mwgan.networks.vgg_discriminator import VGGDiscriminator
from mwgan.networks.volume_discriminator import VolumeDiscriminator

__all__ = [
    "RRDB",
    "DualPathDiscriminator",
    "ResidualUNet3d",
    "StackDiscriminator",
    "UNet",
    "UNetPlusPlus",
    "VGGDiscriminator",
    "VolumeDiscriminator",
]
