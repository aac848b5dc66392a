"""The photo store in an S3-compatible bucket (MinIO, Ceph, a cloud), for more than one server.

Needs the extra `s3` (the package `minio`). The bucket belongs to the city and is private: pictures
are only ever read through our own server, which knows whose they are.
"""

from __future__ import annotations

import asyncio
import io
from typing import Any
from urllib.parse import urlsplit

from bot.photos.store import StoreUnavailable, checked

PREFIX = "photos/"
CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0


class BucketStore:
    """Objects under `photos/` in one bucket."""

    def __init__(
        self, endpoint: str, bucket: str, access_key: str, secret_key: str, region: str = ""
    ) -> None:
        """Connects to nothing yet. Raises ImportError without the extra `s3`."""
        import urllib3
        from minio import Minio

        parts = urlsplit(endpoint)
        self.bucket = bucket
        self._client: Any = Minio(
            parts.netloc,
            access_key=access_key,
            secret_key=secret_key,
            secure=parts.scheme == "https",
            region=region or "us-east-1",
            http_client=urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                retries=urllib3.Retry(total=1, backoff_factor=0.2),
                maxsize=8,
            ),
        )

    async def put(self, name: str, content: bytes) -> None:
        await self._call(
            "put_object",
            PREFIX + checked(name),
            io.BytesIO(content),
            len(content),
            content_type="image/jpeg",
        )

    async def get(self, name: str) -> bytes | None:
        def work() -> bytes:
            answer = self._client.get_object(self.bucket, PREFIX + checked(name))
            try:
                return bytes(answer.read())
            finally:
                answer.close()
                answer.release_conn()

        found: bytes | None = await self._guarded(work)
        return found

    async def delete(self, name: str) -> None:
        await self._call("remove_object", PREFIX + checked(name))

    async def _call(self, verb: str, *given: Any, **named: Any) -> None:
        await self._guarded(lambda: getattr(self._client, verb)(self.bucket, *given, **named))

    async def _guarded(self, work: Any) -> Any:
        from minio.error import MinioException, S3Error
        from urllib3.exceptions import HTTPError

        try:
            return await asyncio.to_thread(work)
        except S3Error as error:
            if error.code == "NoSuchKey":
                return None
            raise StoreUnavailable(error.code) from error
        except (MinioException, HTTPError, OSError) as error:
            raise StoreUnavailable(type(error).__name__) from error
