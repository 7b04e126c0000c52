"""The instances of a job: `algo-1`, `algo-2`, ... as directories and processes of this machine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from mllocal.jobs.sandbox import HOSTS_FILE, ML_ROOT
from mllocal.sagemaker.store import Document
from mlpipelines.instance_types import INSTANCE_TYPES

GROUP = "homogeneousCluster"


@dataclass(frozen=True)
class Host:
    """One instance of a job. `directory` is its own; `ml` is what its container sees as `/opt/ml`."""

    name: str
    directory: Path

    @property
    def ml(self) -> Path:
        """The host's `/opt/ml`."""
        return self.directory / "ml"

    def local(self, path: str) -> Path:
        """Where a path of the container is on this machine. Raises ValueError for one outside `/opt/ml`."""
        return self.ml / Path(path).relative_to(ML_ROOT)


@dataclass(frozen=True)
class Cluster:
    """All instances of a job, which have one type."""

    hosts: tuple[Host, ...]
    instance_type: str

    @classmethod
    def create(cls, directory: Path, instance_type: str, count: int) -> Cluster:
        """Empty directories for so many hosts; each finds the others by name."""
        hosts = tuple(Host(f"algo-{number}", directory / f"algo-{number}") for number in range(1, count + 1))
        for host in hosts:
            host.ml.mkdir(parents=True)
        if count > 1:
            _name_each_other(hosts)
        return cls(hosts, instance_type)

    @property
    def first(self) -> Host:
        """`algo-1`."""
        return self.hosts[0]

    def remove(self) -> None:
        """Forget everything on the hosts, as when instances are taken away."""
        for host in self.hosts:
            shutil.rmtree(host.directory, ignore_errors=True)

    def resource_config(self, host: Host) -> Document:
        """`resourceconfig.json` as one of the hosts finds it."""
        names = [member.name for member in self.hosts]
        group = {"instance_group_name": GROUP, "instance_type": self.instance_type, "hosts": names}
        return {
            "current_host": host.name,
            "current_instance_type": self.instance_type,
            "current_group_name": GROUP,
            "hosts": names,
            "instance_groups": [group],
            "network_interface_name": "lo",
        }

    def variables(self) -> dict[str, str]:
        """What the training toolkit says of an instance's processors; nothing for a type that is not known."""
        instance = INSTANCE_TYPES.get(self.instance_type)
        return {} if instance is None else {"SM_NUM_CPUS": str(instance.vcpus), "SM_NUM_GPUS": str(instance.gpus)}


def _name_each_other(hosts: tuple[Host, ...]) -> None:
    """All hosts are this machine: their names lead to its loopback."""
    system = Path("/etc/hosts")
    known = system.read_text() if system.is_file() else ""
    names = "".join(f"127.0.0.1 {host.name}\n" for host in hosts)
    for host in hosts:
        (host.directory / HOSTS_FILE).write_text(f"{known.rstrip()}\n{names}")
