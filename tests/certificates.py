"""The certificate of an authority, for tests that only pass it on."""

from base64 import b64encode

CERTIFICATE = b64encode(b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n").decode()
