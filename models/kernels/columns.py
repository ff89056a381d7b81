"""A range of columns of a buffer, as a compiled operation reads it."""

import ctypes
from typing import Self

import torch
from torch import Tensor


class Columns(ctypes.Structure):
    """Mirrors `Columns` of core/columns.h."""

    _fields_ = [("first", ctypes.c_void_p), ("stride", ctypes.c_int64)]

    @classmethod
    def of(cls, view_NC: Tensor) -> Self:
        """`view_NC`: rows of float32 whose neighbours in a row lie side by side, as in `buffer[:, 3:7]`.

        The buffer must outlive the use.
        """
        assert view_NC.dtype is torch.float32
        assert view_NC.ndim == 2
        assert view_NC.shape[1] == 1 or view_NC.stride(1) == 1, "columns of a row-major buffer"
        return cls(view_NC.data_ptr(), view_NC.stride(0))
