"""The API server's errors about admission webhooks and policies: their meaning, and whether to try again.

The texts are those of the API server (``k8s.io/apiserver`` and ``k8s.io/apimachinery``) and of Go's network libraries.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Cause(NamedTuple):
    """A reason why the API server did not admit an object.

    Attributes:
        text: a regular expression for the part of the error that identifies it.
        transient: whether it can go away without anyone's doing, such as while the webhook's pod starts.
        meaning: the meaning, in one sentence.
        next: the arguments of the kubectl command that shows more, with the webhook's ``{namespace}`` and
            ``{deployment}``.
        source: where the text comes from.
    """

    text: str
    transient: bool
    meaning: str
    next: str
    source: str


CALL = r'failed calling webhook "(?P<webhook>[^"]*)"'
"""The start of the error if a webhook gave no answer that the API server could use.

https://github.com/kubernetes/apiserver/blob/v0.34.4/pkg/util/webhook/error.go
"""

DENIED = (
    r"(?P<webhook>(?:admission webhook|ValidatingAdmissionPolicy|policy) ['\"][^'\"]*['\"]).* denied (?:the )?request"
)
"""The error if a webhook or a policy gave an answer, which is no.

https://github.com/kubernetes/apiserver/blob/v0.34.4/pkg/admission/plugin/webhook/errors/statuserror.go
https://github.com/kubernetes/apiserver/blob/v0.34.4/pkg/admission/plugin/policy/validating/dispatcher.go
"""

_APISERVER = "https://github.com/kubernetes/apiserver/blob/v0.34.4"
_APIMACHINERY = "https://github.com/kubernetes/apimachinery/blob/v0.34.4"
_GO = "https://github.com/golang/go/blob/go1.26.0/src"
_REGISTRATIONS = "get validatingwebhookconfigurations,mutatingwebhookconfigurations -o wide"
_LOGS = "logs -n {namespace} deployment/{deployment}"
_ENDPOINTS = "get services,endpointslices,pods -n {namespace}"
_FIREWALL = (
    "The API server does not reach the nodes: a firewall or network policy between the control plane and the nodes has "
    "to allow the port of the webhook's pod"
)

CAUSES = (
    # Final: the same attempt would fail again.
    Cause(
        r"x509: certificate signed by unknown authority",
        transient=False,
        meaning="The webhook's certificate was not issued by the authority in its registration (caBundle), so another "
        "installation's registration or Secret is left over, or something replaced one of the two",
        next="get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml",
        source=f"{_GO}/crypto/x509/verify.go",
    ),
    Cause(
        r"x509: certificate has expired or is not yet valid",
        transient=False,
        meaning="The webhook's certificate has expired, or the clocks of the control plane and the nodes differ",
        next="get secrets -n {namespace}",
        source=f"{_GO}/crypto/x509/verify.go",
    ),
    Cause(
        r"x509: ",
        transient=False,
        meaning="The webhook's certificate is not valid for the name of its Service",
        next="get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml",
        source=f"{_GO}/crypto/x509/verify.go",
    ),
    Cause(
        r"server gave HTTP response to HTTPS client|remote error: tls",
        transient=False,
        meaning="Something else than the webhook answers at its address",
        next=_ENDPOINTS,
        source=f"{_GO}/net/http/client.go",
    ),
    Cause(
        r'service "[^"]*" not found|no service port \d+ found|no such host',
        transient=False,
        meaning="The webhook's registration names a Service that does not exist; it may be left over from another "
        "installation",
        next=_REGISTRATIONS,
        source=f"{_APISERVER}/pkg/util/proxy/proxy.go",
    ),
    Cause(
        r"the server could not find the requested resource",
        transient=False,
        meaning="The server at the webhook's address has no such path, so its registration is another version's",
        next=_REGISTRATIONS,
        source=f"{_APIMACHINERY}/pkg/api/errors/errors.go",
    ),
    # Transient: the webhook's pod is starting, or being replaced.
    Cause(
        r"connection refused|connection reset by peer|\bEOF\b",
        transient=True,
        meaning="The webhook's pod runs, but does not listen",
        next=_LOGS,
        source=f"{_GO}/syscall/zerrors_linux_amd64.go",
    ),
    Cause(
        r"no endpoints available for service",
        transient=True,
        meaning="The webhook's Service has no pod that is ready",
        next=_ENDPOINTS,
        source=f"{_APISERVER}/pkg/util/proxy/proxy.go",
    ),
    Cause(
        r"context deadline exceeded|Client\.Timeout|i/o timeout|TLS handshake timeout|no route to host",
        transient=True,
        meaning=_FIREWALL,
        next=_ENDPOINTS,
        source="https://github.com/knative/serving/issues/13045",
    ),
    Cause(
        r"unable to return a response in the time allotted|too many requests",
        transient=True,
        meaning="The webhook is overloaded",
        next=_LOGS,
        source=f"{_APIMACHINERY}/pkg/api/errors/errors.go",
    ),
    Cause(
        r"proxy error from .*, code 50\d|No agent available",
        transient=True,
        meaning="The proxy between the API server and the nodes does not reach the webhook's pod",
        next=_ENDPOINTS,
        source=f"{_APISERVER}/pkg/server/egressselector/egress_selector.go",
    ),
    Cause(
        r"an error on the server \(.*\) has prevented|the server is currently unable to handle the request",
        transient=True,
        meaning="The webhook, or a proxy before it, answers with a server error (HTTP 5xx)",
        next=_LOGS,
        source=f"{_APIMACHINERY}/pkg/api/errors/errors.go",
    ),
)
"""The causes of a failed call, the first that matches."""

REFUSAL = Cause(
    DENIED,
    transient=False,
    meaning="The cluster's admission does not allow this object as it is: change it, or the policy",
    next="get validatingwebhookconfigurations,validatingadmissionpolicies",
    source=f"{_APISERVER}/pkg/admission/plugin/webhook/errors/statuserror.go",
)


class NotAdmitted(NamedTuple):
    """An object that was not admitted.

    Attributes:
        webhook: the webhook or policy, as the error names it.
        cause: the reason.
    """

    webhook: str
    cause: Cause


def classify(error: str) -> NotAdmitted | None:
    """Find out from an error why the API server did not admit an object.

    Args:
        error: the error of the provider, with the API server's in it.

    Returns:
        The webhook or policy and the cause; None if the error is about something else, or its cause is not known.
    """
    # What a webhook says may contain anything, also the texts below.
    if denied := re.search(DENIED, error, re.DOTALL):
        return NotAdmitted(denied["webhook"], REFUSAL)
    if called := re.search(CALL, error):
        reason = error[called.end() :]
        cause = next((each for each in CAUSES if re.search(each.text, reason, re.DOTALL)), None)
        return NotAdmitted(f'webhook "{called["webhook"]}"', cause) if cause else None
    return None
