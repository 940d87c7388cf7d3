"""The options that Flink 1.20 requires on Java 17; a test compares them with those of Flink's own configuration.

They must be set again if Flink's own configuration is replaced, as the Kubernetes operator does.
"""

from __future__ import annotations

_EXPORTS = (
    "java.base/sun.net.util",
    "java.rmi/sun.rmi.registry",
    "jdk.compiler/com.sun.tools.javac.api",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.compiler/com.sun.tools.javac.parser",
    "jdk.compiler/com.sun.tools.javac.tree",
    "jdk.compiler/com.sun.tools.javac.util",
    "java.security.jgss/sun.security.krb5",
)
_OPENS = (
    "java.lang",
    "java.net",
    "java.io",
    "java.nio",
    "sun.nio.ch",
    "java.lang.reflect",
    "java.text",
    "java.time",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
)
JAVA_17_OPTIONS = " ".join(
    [f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTS]
    + [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENS]
)
