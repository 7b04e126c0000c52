"""SageMaker Runtime on the wire: paths under `/endpoints/`, beside SageMaker's own API. Requests wait on threads of their own."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from urllib.parse import unquote

from mllocal.endpoints.hosting import Hosting
from mllocal.endpoints.invocations import Call, InvocationRefusedError, refused
from mllocal.sagemaker.store import Scope

PREFIX = "/endpoints/"
# A request holds a thread while its instance works or it waits there: as many as wait at five instances with full queues.
MOST_AT_ONCE = 512
_PATH = re.compile(r"/endpoints/([^/]+)/(invocations|async-invocations)")

Answer = tuple[int, dict[str, str], bytes]


class RuntimeApi:
    """Answers requests to endpoints."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="invocation")

    async def answer(self, scope: Scope, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to a request under `PREFIX`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._answer, scope, path, headers, body)

    def _answer(self, scope: Scope, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            matched = _PATH.fullmatch(path)
            if matched is None:
                raise refused(f"the embedded AWS does not answer {path}; it answers invocations and async-invocations")
            call = Call(scope, unquote(matched[1]), headers, body)
            if matched[2] == "async-invocations":
                accepted = self._hosting.submit(call)
                content = json.dumps({"InferenceId": accepted.inference_id}).encode()
                return HTTPStatus.ACCEPTED, {"Content-Type": "application/json", **accepted.headers}, content
            answer = self._hosting.invoke(call)
        except InvocationRefusedError as error:
            told = {"Content-Type": "application/json", "x-amzn-errortype": error.code}
            return error.status, told, json.dumps(error.members).encode()
        return HTTPStatus.OK, answer.headers, answer.body
