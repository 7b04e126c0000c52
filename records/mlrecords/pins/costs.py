"""What a run cost at list price. Pure."""

from collections.abc import Mapping

from mlrecords.record import Cost, RunRecord


def cost_of(record: RunRecord, usd_per_hour: Mapping[str, float]) -> Cost | None:
    """Instances times billable time times list price; without `usd` for a type that has no price. None where no machine is known.

    Billable seconds are what SageMaker says of a training job, else the time between start and end. Spot capacity costs less than
    this, by how much is not known.
    """
    machines, status = record.environment.machines, record.status
    if machines is None or machines.instance_type is None or machines.instance_count is None:
        return None
    said = record.cost.billable_seconds if record.cost else None
    if said is None and (status.started_at is None or status.ended_at is None):
        return None
    seconds = said if said is not None else (status.ended_at - status.started_at).total_seconds()  # type: ignore[operator]
    price = usd_per_hour.get(machines.instance_type)
    on_demand = " at the price on demand" if machines.spot else ""
    return Cost(
        billable_seconds=seconds,
        usd=None if price is None else round(price * machines.instance_count * seconds / 3600, 6),
        basis=f"{machines.instance_count} x {machines.instance_type} x {seconds:.0f} s{on_demand}",
    )
