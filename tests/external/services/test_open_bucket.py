"""A bucket that anybody may read, without credentials, at an endpoint of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest

from clipmill.errors import UsageError
from clipmill.storage import open_storage
from tools.servers import S3Server

OPEN, CLOSED = "clipmill-open", "clipmill-closed"


def test_an_anonymous_bucket(
    s3: S3Server, use: Callable[[dict[str, str]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    named = [f"arn:aws:s3:::{OPEN}", f"arn:aws:s3:::{OPEN}/*"]
    allowed = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": named}
    environment = s3.environment()
    use(environment)
    for bucket in (OPEN, CLOSED):
        s3.make_bucket(bucket)
        open_storage(f"s3://{bucket}").put("videos/a.mp4", b"hello")
    # Where versitygw keeps the policy of a bucket.
    os.setxattr(s3.data / OPEN, "user.policy", json.dumps({"Version": "2012-10-17", "Statement": [allowed]}).encode())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    use({"AWS_ENDPOINT_URL": environment["AWS_ENDPOINT_URL"], "AWS_SKIP_SIGNATURE": "true"})
    storage = open_storage(f"s3://{OPEN}")
    assert storage.read("videos/a.mp4", 1, 3) == b"el" and storage.children() == (("videos",), ())
    for refused in (lambda: storage.put("b", b""), lambda: open_storage(f"s3://{CLOSED}").read("videos/a.mp4")):
        with pytest.raises(UsageError, match="access is denied"):
            refused()
