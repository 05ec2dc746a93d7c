"""Host names in the ``Host`` and ``Origin`` headers of HTTP requests.

A web page reaches a server of a private network by a name that first leads to the page's own server and then to the
private address (DNS rebinding). The browser still sends that name in ``Host``. A page's author therefore cannot use an
IP address, or a name for which the public DNS has no answer.
"""

import ipaddress

ANY_HOST = "*"
"""In a list of host names: every name."""
LOCAL_DOMAINS = frozenset({"localhost", "local", "internal"})
"""Top-level domains that the public DNS does not delegate (RFC 6761, RFC 6762, ICANN resolution 2024.07.29.06)."""


def host_of(authority: str) -> str:
    """Return the host of ``host[:port]`` in lower case, without port, brackets and the final dot."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].removesuffix(".").lower()


def is_host(text: str) -> bool:
    """Return whether the text is a host as `host_of` returns it: a name or an address without scheme, port and path."""
    plain = host_of(text) == text or text.count(":") > 1
    return bool(text) and plain and not set(text) & set("/@[]?#* ")


def is_address(text: str) -> bool:
    """Return whether the text is a complete IP address without brackets and zone."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def is_loopback(host: str) -> bool:
    """Return whether a server that listens on this address can be reached from its own machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_local(host: str) -> bool:
    """Return whether the public DNS cannot lead this host to an address: an IP address, or a local name.

    Browsers read a host whose last label is a number as an IPv4 address. A name without a dot is one of this machine,
    of a Compose project or of a Kubernetes namespace.
    """
    last = host.rpartition(".")[2]
    return "." not in host or ":" in host or last.isdigit() or last in LOCAL_DOMAINS
