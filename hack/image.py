#!/usr/bin/env python3
"""Makes a container image archive out of files, without a base image, an engine or a registry.

hack/image.py OUT.tar NAME:TAG [OPTION…] DEST=SOURCE…

  DEST=SOURCE         the file SOURCE at /DEST; with an executable come the shared libraries that it loads
  --entrypoint PATH   the program to start, and its fixed arguments: repeat the option for each
  --user UID          whom it runs as (65532; 0 is root)
  --link DEST=TARGET  --env KEY=VALUE  --label KEY=VALUE

`docker load`, `podman load`, `kind load image-archive` and `ctr images import` read it. The same files give the same
bytes: times are zero, names are sorted, owners are root.
"""
import argparse
import hashlib
import io
import json
import os
import platform
import re
import subprocess
import sys
import tarfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le", "riscv64": "riscv64", "s390x": "s390x"}


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def libraries(program):
    """The shared libraries and the loader of a program, each at the path where the program looks for it."""
    run = subprocess.run(["ldd", program], capture_output=True, text=True)
    if "not found" in run.stdout:
        sys.exit(f"image: {program} lacks a library on this machine:\n{run.stdout}")
    return re.findall(r"(/\S+) \(0x", run.stdout)  # a static program prints none, and ldd fails: both are right


def wanted_files(pairs):
    """Destination in the image → file on this machine."""
    files = {}
    for pair in pairs:
        dest, _, source = pair.partition("=")
        if not os.path.isfile(source):
            sys.exit(f"image: {pair}: there is no file {source!r}; write DEST=SOURCE")
        files[dest.strip("/")] = source
    for source in list(files.values()):
        if is_elf(source):
            for library in libraries(source):
                files.setdefault(library.strip("/"), library)
    return files


def folders_of(files):
    """Every folder above a file, parents first, and /tmp, which programs expect."""
    folders = {"tmp": 0o1777}
    for dest in files:
        while dest := os.path.dirname(dest):
            folders.setdefault(dest, 0o755)
    return sorted(folders.items())


def add(tar, name, data=None, mode=0o644, link=None):
    """Adds a file, a link or, without data, a folder; TarInfo's own defaults are root and time zero."""
    info = tarfile.TarInfo(name)
    info.mode = mode
    if link is not None:
        info.type = tarfile.SYMTYPE
        info.linkname = link
    elif data is None:
        info.type = tarfile.DIRTYPE
    else:
        info.size = len(data)
    tar.addfile(info, data if data is None else io.BytesIO(data))


def layer_of(files, links):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for folder, mode in folders_of([*files, *links]):
            add(tar, folder, mode=mode)
        for dest, source in sorted(files.items()):
            with open(source, "rb") as file:  # through links: the image has the file itself
                add(tar, dest, file.read(), 0o755 if os.access(source, os.X_OK) else 0o644)
        for dest, target in sorted(links.items()):
            add(tar, dest, mode=0o777, link=target)
    return buffer.getvalue()


def as_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__.strip())
    parser = argparse.ArgumentParser(usage=__doc__.strip(), add_help=False)
    parser.add_argument("out")
    parser.add_argument("name")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--entrypoint", action="append", default=[])
    parser.add_argument("--user", default="65532")
    parser.add_argument("--link", action="append", default=[])
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--label", action="append", default=[])
    options = parser.parse_intermixed_args()

    machine = platform.machine()
    links = dict(link.strip("/").split("=", 1) for link in options.link)
    layer = layer_of(wanted_files(options.files), links)
    digest = hashlib.sha256(layer).hexdigest()
    config = as_json({
        "architecture": ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Entrypoint": options.entrypoint,
            "Env": ["PATH=/bin:/usr/bin", *options.env],
            "Labels": dict(label.split("=", 1) for label in options.label),
            "User": f"{options.user}:{options.user}",
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "hack/image.py"}],
    })
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    layer_name = f"{digest}/layer.tar"
    manifest = as_json([{"Config": config_name, "RepoTags": [options.name], "Layers": [layer_name]}])
    with tarfile.open(options.out, "w", format=tarfile.GNU_FORMAT) as tar:
        add(tar, config_name, config)
        add(tar, layer_name, layer)
        add(tar, "manifest.json", manifest)


if __name__ == "__main__":
    main()
