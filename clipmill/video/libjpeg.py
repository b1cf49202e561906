"""The libjpeg-turbo of Pillow's wheel, called by ctypes: no Python package takes planes and quantiser tables.

A JPEG's bytes follow from its planes, quantiser tables, transform and restart intervals alone.
Here the transform is the accurate integer one (`JDCT_ISLOW`), whose SIMD code gives the bits of
its C code, and the Huffman tables are those of ITU-T T.81, annex K.

The structures are those of libjpeg 6b (`jpeglib.h`, JPEG_LIB_VERSION 62), whose layout has been
frozen since 1998; the library itself compares our version and size with its own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, addressof, c_double, c_int, c_size_t, c_ubyte, c_uint, c_uint16, c_ulong, c_void_p
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import PIL._imaging
import PIL.features

from clipmill.errors import ClipError, UsageError
from clipmill.ledger import Reason

Plane = npt.NDArray[np.uint8]

#: Pixels on each side of what is coded together: four blocks of luma, one of each chroma.
MCU = 16
#: Restart intervals hold at least this many MCUs: half of that would cost 0.8 % of the bytes and 5 % of the time.
_LEAST_INTERVAL = 10

_VERSION = 62
_MAX_SIDE = 65500  # JPEG_MAX_DIMENSION
_YCBCR = 3  # JCS_YCbCr
_ISLOW = 0  # JDCT_ISLOW
#: A JPEG of noise has two bytes a pixel; libjpeg takes more memory by itself where that is not enough.
_ROOM = 2


class _QuantTable(ctypes.Structure):
    _fields_ = [("quantval", c_uint16 * 64), ("sent_table", c_int)]


class _Compress(ctypes.Structure):
    """jpeg_compress_struct, as far as we set it; `rest` is libjpeg's own."""

    _fields_ = [
        *[(name, c_void_p) for name in ("err", "mem", "progress", "client_data")],
        *[(name, c_int) for name in ("is_decompressor", "global_state")],
        ("dest", c_void_p),
        *[(name, c_uint) for name in ("image_width", "image_height")],
        *[(name, c_int) for name in ("input_components", "in_color_space")],
        ("input_gamma", c_double),
        *[(name, c_int) for name in ("data_precision", "num_components", "jpeg_color_space")],
        ("comp_info", c_void_p),
        ("quant_tbl_ptrs", POINTER(_QuantTable) * 4),
        ("huff_tbl_ptrs", c_void_p * 8),
        ("arith", c_ubyte * 48),
        ("num_scans", c_int),
        ("scan_info", c_void_p),
        *[(name, c_int) for name in ("raw_data_in", "arith_code", "optimize_coding", "ccir601_sampling")],
        *[(name, c_int) for name in ("smoothing_factor", "dct_method")],
        ("restart_interval", c_uint),
        ("rest", c_ubyte * 236),
    ]


_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "jpeg_std_error": (c_void_p, [c_void_p]),
    "jpeg_CreateCompress": (None, [c_void_p, c_int, c_size_t]),
    "jpeg_set_defaults": (None, [c_void_p]),
    "jpeg_set_quality": (None, [c_void_p, c_int, c_int]),
    "jpeg_mem_dest": (None, [c_void_p, c_void_p, c_void_p]),
    "jpeg_start_compress": (None, [c_void_p, c_int]),
    "jpeg_write_raw_data": (None, [c_void_p, c_void_p, c_uint]),
    "jpeg_finish_compress": (None, [c_void_p]),
    "jpeg_destroy_compress": (None, [c_void_p]),
    "free": (None, [c_void_p]),
}


@cache
def _library() -> Any:
    """Return Pillow's libjpeg-turbo, its functions typed.

    Raises:
        UsageError: this Pillow brings another libjpeg.
    """
    # The symbols of a library that an extension is linked with are found through the extension's handle, so the
    # wheel's folder does not matter. PyDLL keeps the interpreter lock: a call takes a few microseconds.
    library = ctypes.PyDLL(PIL._imaging.__file__)
    missing = [name for name in _SIGNATURES if not hasattr(library, name)]
    if missing or not PIL.features.check_feature("libjpeg_turbo") or not _accepted(library):
        raise UsageError(
            f"Pillow {PIL.__version__} was built without libjpeg-turbo's library of version 6.2: "
            "take the wheel, pip install --force-reinstall --only-binary :all: pillow"
        )
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _accepted(library: Any) -> bool:
    """Return whether jpeg_CreateCompress accepts our version and the size of our structure."""
    refusals: list[int] = []
    errors = (c_void_p * 64)()
    library.jpeg_std_error.restype = c_void_p
    library.jpeg_std_error(errors)
    # The first member of jpeg_error_mgr is error_exit; libjpeg goes on after a refusal that returns.
    refuse = ctypes.PYFUNCTYPE(None, c_void_p)(refusals.append)
    errors[0] = ctypes.cast(refuse, c_void_p)
    # Larger than any version's, since the library clears a structure of its own size.
    room = (c_void_p * 128)()
    room[0] = addressof(errors)
    library.jpeg_CreateCompress(room, _VERSION, c_size_t(ctypes.sizeof(_Compress)))
    library.jpeg_destroy_compress(room)
    return not refusals


class Planes(NamedTuple):
    """Full-range BT.601 luma and chroma: (height, width), and twice half of that, rounded up; uint8."""

    luma: Plane
    cb: Plane
    cr: Plane


class PlaneEncoder:
    """Encodes 4:2:0 planes of one size as baseline JPEGs with restart intervals.

    Fill `planes`, then call `encode`; tables stay until others are set.

    Args:
        width, height: of luma, in pixels.

    Raises:
        ClipError: a side is longer than a JPEG's can be.
        UsageError: Pillow brings no libjpeg-turbo with this interface.

    Attributes:
        planes: what is encoded next.
    """

    def __init__(self, width: int, height: int) -> None:
        if max(width, height) > _MAX_SIDE:
            raise ClipError(Reason.TOO_LARGE, f"{width}x{height}: a side of a JPEG has at most {_MAX_SIDE:,} pixels")
        self._library = _library()
        self._padded = [np.empty((_up(height, MCU) // part, _up(width, MCU) // part), np.uint8) for part in (1, 2, 2)]
        sizes = ((height, width), *[(_up(height, 2) // 2, _up(width, 2) // 2)] * 2)
        self.planes = Planes(*(room[:h, :w] for room, (h, w) in zip(self._padded, sizes, strict=True)))
        self._tables: tuple[Sequence[int], Sequence[int]] | None = None
        self._rows, self._strips = _row_pointers(self._padded)
        self._to_pad = [(r, p) for r, p in zip(self._padded, self.planes, strict=True) if r.shape != p.shape]
        self._out = np.empty(_ROOM * width * height + 4096, np.uint8)
        self._out_at: int = self._out.ctypes.data
        self._found, self._length = c_void_p(), c_ulong()
        self._found_at, self._length_at = c_void_p(addressof(self._found)), c_void_p(addressof(self._length))
        self._errors = (c_void_p * 64)()
        self._state = _Compress(err=self._library.jpeg_std_error(self._errors))
        # Arguments that are C values already cost a third less a call, and a frame takes a call for 16 rows.
        self._at, self._lines = c_void_p(addressof(self._state)), c_uint(MCU)
        self._library.jpeg_CreateCompress(self._at, _VERSION, ctypes.sizeof(_Compress))
        self._state.image_width, self._state.image_height = width, height
        self._state.input_components, self._state.in_color_space = 3, _YCBCR
        self._library.jpeg_set_defaults(self._at)
        self._state.raw_data_in, self._state.dct_method = 1, _ISLOW
        self._state.restart_interval = restart_interval(width)

    def __del__(self) -> None:
        if hasattr(self, "_at"):
            self._library.jpeg_destroy_compress(self._at)

    def use_quality(self, quality: int) -> None:
        """Use libjpeg's own tables for a quality of 1 to 100."""
        self._tables = None
        self._library.jpeg_set_quality(self._at, quality, 1)

    def use_tables(self, luma: Sequence[int], chroma: Sequence[int]) -> None:
        """Use these quantiser steps for the 64 frequencies, row by row."""
        if self._tables == (luma, chroma):
            return
        self._tables = luma, chroma
        for number, table in enumerate((luma, chroma)):
            self._state.quant_tbl_ptrs[number].contents.quantval[:] = table

    def encode(self) -> bytes:
        """Encode the planes as they are now."""
        for room, plane in self._to_pad:
            _pad(room, *plane.shape)
        library, at, lines, write = self._library, self._at, self._lines, self._library.jpeg_write_raw_data
        self._found.value, self._length.value = self._out_at, self._out.nbytes
        library.jpeg_mem_dest(at, self._found_at, self._length_at)
        library.jpeg_start_compress(at, 1)
        for strip in self._strips:
            write(at, strip, lines)
        library.jpeg_finish_compress(at)
        if self._found.value == self._out_at:
            return self._out[: self._length.value].tobytes()
        encoded = ctypes.string_at(self._found, self._length.value)
        library.free(self._found)
        return encoded


def restart_interval(width: int) -> int:
    """Return the MCUs of a restart interval. They divide a row, so that the reader can cut a crop out of a JPEG.

    Args:
        width: of the frame, in pixels.
    """
    row = _up(width, MCU) // MCU
    return next(count for count in range(min(_LEAST_INTERVAL, row), row + 1) if row % count == 0)


def _row_pointers(planes: list[Plane]) -> tuple[list[npt.NDArray[np.uintp]], list[c_void_p]]:
    """Make a JSAMPIMAGE for each row of MCUs; return the arrays of pointers, to be kept, and the addresses."""
    rows = [plane.ctypes.data + plane.shape[1] * np.arange(plane.shape[0], dtype=np.uintp) for plane in planes]
    starts = np.array([row.ctypes.data for row in rows], np.uintp)
    counts = np.array([MCU, MCU // 2, MCU // 2], np.uintp)
    strips = starts + rows[0].itemsize * counts * np.arange(len(planes[0]) // MCU, dtype=np.uintp)[:, None]
    return [*rows, strips], [c_void_p(strips.ctypes.data + strip * strips.strides[0]) for strip in range(len(strips))]


def _pad(room: Plane, height: int, width: int) -> None:
    """Repeat a plane's last column and row to the edges of its room."""
    if width < room.shape[1]:
        room[:height, width:] = room[:height, width - 1 : width]
    if height < room.shape[0]:
        room[height:] = room[height - 1]


def _up(length: int, step: int) -> int:
    """Round up to a multiple of `step`."""
    return -(-length // step) * step
