"""These run in an environment of their own, since PyTorch's wheel is large: make test-torch."""

import pytest

pytest.importorskip("torch", reason="PyTorch is not in this environment (make test-torch)")
