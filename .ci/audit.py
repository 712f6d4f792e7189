"""Ask pip-audit about everything installed here, and say plainly when it could not look anything up."""

import json
import os
import subprocess
import sys

# Not shipped and not required by us: the tools of the virtual environment itself.
TOOLS = {"pip", "setuptools"}


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "--skip-editable", "--format", "json", "--progress-spinner", "off"]
    # It reads what pip lists, which a quiet pip does not.
    environment = {name: value for name, value in os.environ.items() if name != "PIP_QUIET"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"NOT AUDITED: pip-audit could not do its work.\n{done.stderr.strip()[-800:]}")
        return 0
    audited = [each for each in found if "vulns" in each]
    skipped = [each["name"] for each in found if "vulns" not in each]
    bad = {each["name"]: [vuln["id"] for vuln in each["vulns"]] for each in audited if each["vulns"]}
    if not audited:
        print(f"NOT AUDITED: the service that pip-audit asks knew none of {len(skipped)} packages; is it reachable?")
        return 0
    print(f"{len(audited)} packages audited, {len(skipped)} not known to the service: {', '.join(skipped) or 'none'}")
    for name, ids in sorted(bad.items()):
        print(f"  {name}: {', '.join(ids)}")
    return 1 if bad.keys() - TOOLS else 0


if __name__ == "__main__":
    sys.exit(main())
