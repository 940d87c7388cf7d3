"""TLS of a MySQL connection, from the extra of an Airflow connection.

The names are those of Airflow's MySQL provider, `ssl` and `ssl_mode`, and `ssl_ca`, `ssl_cert`, `ssl_key` as MySQL's
own clients have them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast, get_args

from infra.endpoints import MySqlTls, TlsMode
from infra.errors import SettingsError

_FILES = ("ca", "cert", "key")


def mysql_tls(extra: Mapping[str, Any], origin: str) -> MySqlTls | None:
    """Return the TLS settings of an extra; None if it has none.

    The default mode is VERIFY_CA with a `ca`, and REQUIRED without one. SettingsError, starting with `origin`, if a
    mode or file is unknown, or the combination cannot work.
    """
    found = _options(extra, origin)
    mode = found.pop("mode", "VERIFY_CA" if found.get("ca") else "REQUIRED" if found else "").upper()
    if not mode:
        return None
    if mode not in get_args(TlsMode):
        raise SettingsError(f"{origin}: ssl_mode is {mode!r}. Expected one of: {', '.join(get_args(TlsMode))}. Fix it.")
    if mode == "DISABLED":
        return None
    if mode.startswith("VERIFY") and not found.get("ca"):
        raise SettingsError(
            f"{origin}: ssl_mode is {mode}, but ssl_ca is missing. Expected the path of the certificate that signed "
            "the server's. Add ssl_ca."
        )
    if bool(found.get("cert")) != bool(found.get("key")):
        raise SettingsError(f"{origin}: only one of ssl_cert and ssl_key is set. Expected both or none. Add the other.")
    return MySqlTls(cast(TlsMode, mode), **found)


def _options(extra: Mapping[str, Any], origin: str) -> dict[str, str]:
    """Return mode, ca, cert and key as far as they are set, in `ssl` or under names of their own."""
    nested = extra.get("ssl") or {}
    if isinstance(nested, str):
        try:
            nested = json.loads(nested)
        except ValueError:
            nested = None
    if not isinstance(nested, Mapping):
        raise SettingsError(f'{origin}: ssl is not an object. Expected {{"ca": "/path/ca.pem"}}. Fix or remove it.')
    unknown = sorted(set(nested) - {*_FILES, "mode"})
    if unknown:
        raise SettingsError(
            f"{origin}: unknown key of ssl: {unknown[0]}. Expected one of: {', '.join(_FILES)}. Remove it."
        )
    found = {name: nested[name] for name in ("mode", *_FILES) if nested.get(name)}
    found |= {name: extra[f"ssl_{name}"] for name in ("mode", *_FILES) if extra.get(f"ssl_{name}")}
    for name, value in found.items():
        if not isinstance(value, str):
            raise SettingsError(f"{origin}: ssl_{name} is a {type(value).__name__}, but must be text. Fix it.")
    return found
