"""Vectorised multiplication of several slices by one pixel's weight.

Numba has no vector types, and by default it checks at every pixel whether the arrays overlap (measured: three times the
time). These two intrinsics use LLVM's own vectors, which it maps to the machine's registers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

CONTRACT = ("contract",)  # fused multiply-add, where available


@intrinsic
def scatter(typing_context, detector, position, image, pixel, left, middle, right, lanes):  # type: ignore[no-untyped-def]
    """Add a pixel's slices, weighted, to three neighbouring detector pixels from ``position`` on.

    ``detector`` and ``image`` are flat, in units of ``lanes`` values; ``lanes`` is a tuple whose length counts the slices.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        detector_, position_, image_, pixel_, *weights, _ = arguments
        vectors = _Vectors(context, builder, image, lanes.count)
        value = vectors.load(vectors.address(image, image_, pixel_))
        for step, weight in enumerate(weights):
            address = vectors.address(detector, detector_, position_, step)
            vectors.store(vectors.add(vectors.load(address), weight, value), address)
        return context.get_dummy_value()

    value_type = image.dtype
    return types.void(detector, types.intp, image, types.intp, value_type, value_type, value_type, lanes), generate


@intrinsic
def gather(typing_context, image, pixel, detector, position, left, middle, right, lanes):  # type: ignore[no-untyped-def]
    """Add three neighbouring detector pixels from ``position`` on, weighted, to a pixel's slices: the adjoint of scatter."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        image_, pixel_, detector_, position_, *weights, _ = arguments
        vectors = _Vectors(context, builder, image, lanes.count)
        target = vectors.address(image, image_, pixel_)
        total = vectors.load(target)
        for step, weight in enumerate(weights):
            total = vectors.add(total, weight, vectors.load(vectors.address(detector, detector_, position_, step)))
        vectors.store(total, target)
        return context.get_dummy_value()

    value_type = image.dtype
    return types.void(image, types.intp, detector, types.intp, value_type, value_type, value_type, lanes), generate


class _Vectors:
    """LLVM vectors of ``count`` values of an array's type."""

    def __init__(self, context: Any, builder: ir.IRBuilder, array_type: Any, count: int) -> None:
        self.context, self.builder, self.count = context, builder, count
        self.vector = ir.VectorType(context.get_value_type(array_type.dtype), count)
        self.alignment = array_type.dtype.bitwidth // 8

    def address(self, array_type: Any, array: Any, unit: Any, step: int = 0) -> Any:
        data = self.context.make_array(array_type)(self.context, self.builder, array).data
        index = self.builder.mul(self.builder.add(unit, ir.Constant(unit.type, step)), ir.Constant(unit.type, self.count))
        return self.builder.bitcast(self.builder.gep(data, [index]), self.vector.as_pointer())

    def load(self, address: Any) -> Any:
        value = self.builder.load(address)
        value.align = self.alignment
        return value

    def store(self, value: Any, address: Any) -> None:
        self.builder.store(value, address).align = self.alignment

    def add(self, total: Any, weight: Any, value: Any) -> Any:
        """``total + weight * value``, the weight a single number."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, weight, ir.Constant(ir.IntType(32), 0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), self.count), [0] * self.count)
        spread = self.builder.shuffle_vector(first, undefined, everywhere)
        return self.builder.fadd(total, self.builder.fmul(spread, value, flags=CONTRACT), flags=CONTRACT)
