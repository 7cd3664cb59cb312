"""Networks: plain ``torch.nn`` modules that know nothing of training or tomography."""

from mwgan.networks.unet import UNet
from mwgan.networks.unetpp import UNetPlusPlus
from mwgan.networks.vgg_discriminator import VGGDiscriminator

__all__ = ["UNet", "UNetPlusPlus", "VGGDiscriminator"]
