"""The webhook of KAI's queue-controller, served on loopback and registered by URL: pods have no network here."""

import base64
import json
import ssl
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme

from sandbox.operators.cluster import Manifest
from sandbox.operators.operands import owner_reference

HOST = "127.0.0.1"
PATH = "/validate-scheduling-run-ai-v2-queue"


class QueueWebhook:
    """An HTTPS server that reviews queues; while not `serving` it answers 503, and queues cannot be written."""

    def __init__(self) -> None:
        self.serving = False
        authority = trustme.CA()
        self._ca_bundle = base64.b64encode(authority.cert_pem.bytes()).decode()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HOST).configure_cert(context)
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def start(self) -> None:
        """Serves in a thread that ends with the process."""
        threading.Thread(target=self._server.serve_forever, name="queue-webhook", daemon=True).start()

    def registration(self, config: Any) -> Manifest:
        """The ValidatingWebhookConfiguration; it goes when the Config goes."""
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
                        "url": f"https://{HOST}:{self._server.server_port}{PATH}",
                        "caBundle": self._ca_bundle,
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

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = HTTPStatus.OK if webhook.serving else HTTPStatus.SERVICE_UNAVAILABLE
                answer = json.dumps(review(json.loads(body))).encode() if webhook.serving else b""
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Requests are the API server's business."""

        return Handler


def review(request: Manifest) -> Manifest:
    """Answers an AdmissionReview: KAI refuses a queue without `spec.resources`, and nothing else by default."""
    response: Manifest = {"uid": request["request"]["uid"], "allowed": True}
    if (request["request"]["object"].get("spec") or {}).get("resources") is None:
        message = "resources must be specified"
        response |= {"allowed": False, "warnings": [message], "status": {"code": 403, "message": message}}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
