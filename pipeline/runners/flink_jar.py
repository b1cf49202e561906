"""Beam's job-server jar: which one fits a cluster, and what it means where one does not."""

from __future__ import annotations

import re
import zipfile

import apache_beam as beam
from apache_beam.options.pipeline_options import FlinkRunnerOptions

from clipmill.errors import UsageError
from clipmill.pipeline.runners.flink_rest import java_cause

#: Made for each version of Flink by itself: classes of one are not those of the next.
VERSIONS = FlinkRunnerOptions.PUBLISHED_FLINK_VERSIONS
_MAIN = "org/apache/beam/runners/flink/FlinkPipelineRunner.class"
#: What Java says where code made for one version of a library meets another.
_MISFIT = re.compile(
    r"(?:NoClassDefFound|NoSuchMethod|NoSuchField|AbstractMethod|IncompatibleClassChange|IllegalAccess)Error"
    r"|ClassNotFoundException|InvalidClassException"
)


def minor_version(version: str) -> str:
    """Return the part of a Flink version that a jar is made for: 2.0 of 2.0.1 and of 2.0-SNAPSHOT."""
    found = re.match(r"\d+\.\d+", version)
    return found[0] if found else version


def check_jar(jar: str | None, version: str, cluster: str) -> None:
    """Raise UsageError for a file that is not Beam's jar, and for no jar where Beam has none.

    Args:
        jar: the path that was given; None lets Beam fetch one.
        version: of Flink, as "1.19".
        cluster: its URL.
    """
    if jar is None:
        if version not in VERSIONS:
            raise UsageError(f"--flink-master {cluster}: {_runs(version)}; {_which_fits(version)}")
        return
    try:
        with zipfile.ZipFile(jar) as packed:
            packed.getinfo(_MAIN)
    except (OSError, zipfile.BadZipFile, KeyError):
        raise UsageError(
            f"--flink-jar {jar}: this is not Beam's job-server jar; {_runs(version)}; {_which_fits(version)}"
        ) from None


def misfit(said: str, jar: str | None, version: str, cluster: str) -> UsageError | None:
    """Return the error where a jar could not be had, or was made for another version of Flink; None elsewhere.

    Args:
        said: by Beam or Flink of a job that was not taken, or failed: a stack trace of Java, perhaps.
        jar, version, cluster: as of `check_jar`.
    """
    if "remote job server jar" in said:
        return UsageError(f"Beam could not fetch its jar for the cluster at {cluster}: {_which_fits(version)}")
    if not _MISFIT.search(said) or "Traceback (most recent call last)" in said:
        return None
    given = f"--flink-jar {jar}" if jar else "the jar that Beam fetched"
    return UsageError(
        f"{given}: was made for another version of Flink ({java_cause(said)}); {_runs(version)}; {_which_fits(version)}"
    )


def _runs(version: str) -> str:
    return f"the cluster runs Flink {version}"


def _which_fits(version: str) -> str:
    """Return which jar to take for a version, and how to give it."""
    name = "beam-runners-flink-{}-job-server-" + f"{beam.__version__}.jar"
    if version in VERSIONS:
        return (
            f"download {name.format(version)} (org.apache.beam on Maven Central) where there is a network, and give "
            "it with --flink-jar"
        )
    nearest = VERSIONS[0 if version.startswith("1.") else -1]
    return (
        f"Beam {beam.__version__} has jars for {', '.join(VERSIONS)}: run a cluster of one of these, or try the "
        f"nearest with --flink-jar {name.format(nearest)}"
    )
