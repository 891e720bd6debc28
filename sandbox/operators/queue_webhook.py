"""The webhook of KAI's queue-controller, on loopback and registered by URL, because pods have no network here."""

import base64
import json
import ssl
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme

from sandbox.operators.cluster import Manifest
from sandbox.operators.operands import owner_reference

HOST = "127.0.0.1"
PATH = "/validate-scheduling-run-ai-v2-queue"
POLL_SECONDS = 0.05
"""How often the server checks whether it should stop."""


class QueueWebhook:
    """An HTTPS server that reviews queues. It keeps its port, and refuses connections while it does not listen."""

    def __init__(self) -> None:
        self.listening = False
        self.status: int = HTTPStatus.OK
        authority = trustme.CA()
        self._ca_bundle, self._other_ca_bundle = (
            base64.b64encode(each.cert_pem.bytes()).decode() for each in (authority, trustme.CA())
        )
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HOST).configure_cert(self._tls)
        self._server = self._bind(0)

    def listen(self) -> None:
        """Serve in a daemon thread."""
        if not self.listening:
            self._server.server_activate()
            serve = self._server.serve_forever
            threading.Thread(target=serve, args=(POLL_SECONDS,), name="queue-webhook", daemon=True).start()
            self.listening = True

    def refuse(self) -> None:
        """Stop listening, like a container that is not running."""
        if self.listening:
            self._server.shutdown()
            self._server.server_close()
            self._server = self._bind(self._server.server_port)
            self.listening = False

    def _bind(self, port: int) -> ThreadingHTTPServer:
        """Return a server that has bound its port, and refuses connections until it listens."""
        handler = type("OwnHandler", (Handler,), {"webhook": self})
        server = ThreadingHTTPServer((HOST, port), handler, bind_and_activate=False)
        server.server_bind()
        server.socket = self._tls.wrap_socket(server.socket, server_side=True)
        return server

    def registration(self, config: Any, *, service: Mapping[str, str] | None = None, trusted: bool = True) -> Manifest:
        """Return the ValidatingWebhookConfiguration; it is deleted with the Config.

        Args:
            config: the Config.
            service: name and namespace of the Service to register instead of the address.
            trusted: whether to register the certificate of the server's authority, and not another's.
        """
        address: Manifest = {"url": f"https://{HOST}:{self._server.server_port}{PATH}"}
        if service:
            address = {"service": {**service, "path": PATH, "port": 443}}
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {
                "name": "kai-queue-validation-v2",
                "labels": {"app": "queue-controller"},
                "ownerReferences": [owner_reference(config)],
            },
            "webhooks": [
                {
                    "name": "queue-validation.kai.scheduler",
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "failurePolicy": "Fail",
                    "clientConfig": {
                        **address,
                        "caBundle": self._ca_bundle if trusted else self._other_ca_bundle,
                    },
                    "rules": [
                        {
                            "operations": ["CREATE", "UPDATE"],
                            "apiGroups": ["scheduling.run.ai"],
                            "apiVersions": ["v2"],
                            "resources": ["queues"],
                            "scope": "Cluster",
                        }
                    ],
                }
            ],
        }


class Handler(BaseHTTPRequestHandler):
    """Answers reviews. Each has its own connection, so that none outlives the server."""

    webhook: QueueWebhook

    def do_POST(self) -> None:
        """Answer one AdmissionReview."""
        answer = json.dumps(review(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))).encode()
        self.send_response(self.webhook.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Do not log requests."""


def review(request: Manifest) -> Manifest:
    """Answer an AdmissionReview: by default, KAI refuses only queues without `spec.resources`."""
    response: Manifest = {"uid": request["request"]["uid"], "allowed": True}
    if (request["request"]["object"].get("spec") or {}).get("resources") is None:
        message = "resources must be specified"
        response |= {"allowed": False, "warnings": [message], "status": {"code": 403, "message": message}}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
