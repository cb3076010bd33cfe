"""The proxies that the environment names: find the proxy of a URL, and correct NO_PROXY for httpx."""

import ipaddress
import os
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def has_proxy() -> bool:
    """Return True if the environment names a proxy for HTTP requests."""
    return bool(getproxies().keys() - {"no"})


def find_proxy(url: str) -> str | None:
    """Return the proxy through which `url` is requested, without its password, or None without a proxy."""
    parts, proxies = urlsplit(url), getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or not parts.hostname or proxy_bypass(parts.hostname):
        return None
    address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return f"{address.scheme}://{address.netloc.rpartition('@')[2]}"


def advise_connection(url: str, cause: str) -> str:
    """Return the advice for a connection to `url` that failed, to append to its message; "" without advice."""
    if "CERTIFICATE_VERIFY_FAILED" in cause or "certificate verify failed" in cause:
        return (
            ". The certificate was refused: if your network has a certificate authority of its own, set SSL_CERT_FILE"
            " to the file of its certificates; docs/proxies.md describes it"
        )
    if proxy := find_proxy(url):
        return f". The request went through the proxy {proxy}; check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY"
    return ""


def correct_no_proxy(api_url: str) -> None:
    """Rewrite NO_PROXY so that httpx can read it: httpx refuses brackets, and ranges of IPv6 addresses.

    An address in brackets loses them. A range is replaced by the host of `api_url`, if that is an address in the
    range; a range of IPv6 addresses without the host is left out. docs/proxies.md describes the effect.
    """
    host = _address(urlsplit(api_url).hostname or "")
    for name in ("no_proxy", "NO_PROXY"):
        text = os.environ.get(name)
        if text:
            entries = [entry.strip() for entry in text.split(",")]
            corrected = [part for entry in entries for part in _correct_entry(entry, host)]
            if corrected != entries:
                os.environ[name] = ",".join(corrected)


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _correct_entry(entry: str, host: _Address | None) -> list[str]:
    """Return the entries of NO_PROXY that replace `entry`."""
    if "://" in entry:
        return [entry]
    if "/" in entry:
        try:
            network = ipaddress.ip_network(entry.replace("[", "").replace("]", ""), strict=False)
        except ValueError:
            return []
        own = [str(host)] if host is not None and host in network else []
        return own if network.version == 6 else [entry, *own]  # noqa: PLR2004 - the version of IP
    return _correct_address(entry)


def _correct_address(entry: str) -> list[str]:
    """Return the entries of NO_PROXY that replace a name or an address with or without a port."""
    inner, closing, port = entry.removeprefix("[").partition("]")
    if closing or entry.startswith("["):
        address = _address(inner)
        if address is None:
            return []
        return [f"all://[{address}]{port}"] if port else [str(address)]
    address = _address(entry)
    if address is not None:
        return [str(address)]
    return [] if entry.count(":") > 1 else [entry]
