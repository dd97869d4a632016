"""Reads metrics with Prometheus' own parser and prints them as JSON: per family its type, help and samples."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

families = {}
for family in text_string_to_metric_families(sys.stdin.read()):
    if family.name in families:
        sys.exit("family %s comes twice" % family.name)
    if not family.documentation or family.type in ("untyped", "unknown"):
        sys.exit("family %s has no help or no type" % family.name)
    seen = set()
    samples = []
    for sample in family.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        if key in seen:
            sys.exit("series %r comes twice" % (key,))
        seen.add(key)
        samples.append({"name": sample.name, "labels": sample.labels, "value": sample.value})
    families[family.name] = {"type": family.type, "samples": samples}
json.dump(families, sys.stdout)
