"""The version of the package, which packaging, results and the server read from here."""

VERSION = "0.1.0"
