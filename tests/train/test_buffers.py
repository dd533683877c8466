"""Batch buffers: used again once nobody looks, never before."""

from __future__ import annotations

import gc

import torch

from compoundeye.train._buffers import Buffers


def test_memory_is_used_again_when_nobody_holds_it():
    buffers = Buffers(2)
    first = buffers.get((4, 5, 3))
    assert first.shape == (4, 5, 3)
    assert first.flags.c_contiguous
    assert first.flags.writeable
    address = first.ctypes.data
    del first
    gc.collect()
    again = buffers.get((4, 5, 3))
    assert again.ctypes.data == address
    assert buffers.get((4, 5, 3)).ctypes.data != address


def test_a_part_of_a_part_holds_it_and_so_does_a_tensor():
    buffers = Buffers(3)
    whole = buffers.get((6, 4))
    part = whole[1:][::2][:, 1:]
    tensor = torch.from_numpy(whole)[2:]
    taken = {whole.ctypes.data}
    del whole
    gc.collect()
    other = buffers.get((6, 4))
    assert other.ctypes.data not in taken
    del part
    gc.collect()
    third = buffers.get((6, 4))
    assert third.ctypes.data not in taken
    del tensor
    gc.collect()
    assert buffers.get((6, 4)).ctypes.data in taken


def test_another_shape_gets_memory_of_its_own_size():
    buffers = Buffers(1)
    buffers.get((4, 4))
    gc.collect()
    assert buffers.get((7, 9)).nbytes == 63
    assert buffers.get((0, 8, 8, 3)).shape == (0, 8, 8, 3)
