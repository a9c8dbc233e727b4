#!/usr/bin/env python3
"""Prints all that a ServiceAccount may do, as the API server itself sees it, a line for each thing and place.

    rights.py SERVICE_ACCOUNT_NAMESPACE SERVICE_ACCOUNT NAMESPACE...

What every ServiceAccount may do is left out. KUBECTL is the program; it must be allowed to impersonate.
"""
import collections, json, os, subprocess, sys

REVIEW = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}


def rights(user, namespace):
    """{(what, verb)}: of resources `deployments.apps`, `leases.coordination.k8s.io/one-of-that-name`, or paths."""
    owner = user.split(":")[2]
    groups = ["system:serviceaccounts", "system:serviceaccounts:" + owner, "system:authenticated"]
    command = [os.environ.get("KUBECTL", "kubectl"), "create", "--filename=-", "--output=json", "--validate=false", "--as=" + user]
    command += ["--as-group=" + group for group in groups]
    said = subprocess.run(
        command, input=json.dumps({**REVIEW, "spec": {"namespace": namespace}}), capture_output=True, text=True
    )
    if said.returncode:
        sys.exit(said.stderr)
    status = json.loads(said.stdout)["status"]
    if status.get("incomplete"):
        sys.exit(f"the API server does not know all that {user} may do: {status}")
    found = set()
    for rule in status["resourceRules"]:
        for group in rule.get("apiGroups", [""]):
            for resource in rule.get("resources", []):
                resource, _, part = resource.partition("/")
                what = resource + ("." + group if group else "") + ("/" + part if part else "")
                for name in rule.get("resourceNames") or [""]:
                    found |= {(f"{what} named {name}" if name else what, verb) for verb in rule["verbs"]}
    for rule in status["nonResourceRules"]:
        found |= {(path, verb) for path in rule.get("nonResourceURLs", []) for verb in rule["verbs"]}
    return found


owner, account, *namespaces = sys.argv[1:]
for namespace in namespaces:
    everyone = rights(f"system:serviceaccount:{owner}:nobody-in-particular", namespace)
    verbs = collections.defaultdict(list)
    for what, verb in sorted(rights(f"system:serviceaccount:{owner}:{account}", namespace) - everyone):
        verbs[what].append(verb)
    print(f"in {namespace}:" + ("" if verbs else " nothing"))
    for what, which in verbs.items():
        print(f"  {what}: {' '.join(which)}")
