"""Checks a compose file against the specification's schema: the npm package that holds the schema, and the file."""

import json
import subprocess
import sys

import jsonschema
import yaml


def main():
    package, file = sys.argv[1:]
    show = "console.log(JSON.stringify(require(process.argv[1]).composeSchema))"
    schema = json.loads(subprocess.run(["node", "-e", show, package], check=True, capture_output=True).stdout)
    with open(file, encoding="utf-8") as text:
        document = yaml.safe_load(text)
    problems = list(jsonschema.Draft201909Validator(schema).iter_errors(document))
    for problem in problems:
        print(f"{file}: {'/'.join(map(str, problem.absolute_path))}: {problem.message}")
    print(f"{file}: {len(document['services'])} services, {len(problems)} problems")
    sys.exit(1 if problems else 0)


main()
