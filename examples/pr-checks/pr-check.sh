#!/bin/sh
# The steps of a pull request check, for GitHub Actions, GitLab CI and `make pr-check`.
#
#   install                  create a virtual environment with the project's requirements
#   changed BASE HEAD        compare two revisions, and print the changed stacks as a JSON list
#   check STACK BASE HEAD    check a stack, and compare its revisions; fails if an update would be refused
#   preview STACK            preview a stack against its state
#   all STEP [BASE HEAD]     run a step for each stack that `changed` found
#   comment                  write the reports as comments, or update existing ones
#
# Reports are written to report/. Only `preview` needs access to the state, and only `comment` needs a token.
set -eu

here=$(dirname "$0")
python=.venv/bin/python
reports=report

platform() {
    "$python" -m dynamo_platform "$@"
}

# Run Python on a report. Branches choose stack names: pass them as arguments, never as part of a program.
read_report() {
    "$python" -c "import json, sys; report = json.load(open(sys.argv[1])); $2" "$reports/$1.json"
}

step=$1
shift
mkdir -p "$reports"
case $step in
install)
    [ -x "$python" ] || {
        python3 -m venv .venv
        "$python" -m pip install --quiet --requirement requirements.txt
    }
    ;;
changed)
    platform diff "$1" "$2" --format markdown >"$reports/all.md"
    platform diff "$1" "$2" --format json >"$reports/all.json"
    names='[each["stack"] for each in report["stacks"] if each["state"] in ("added", "changed")]'
    read_report all "print('\n'.join($names))" >"$reports/stacks"
    read_report all "print(json.dumps($names))"
    ;;
check)
    code=0
    platform check --stack="$1" || code=$?
    platform diff "$2" "$3" --stack="$1" --format json >"$reports/$1.json"
    platform diff "$2" "$3" --stack="$1" --format markdown >"$reports/$1.md"
    [ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$reports/$1.md" >>"$GITHUB_STEP_SUMMARY"
    read_report "$1" 'sys.exit(not report["ok"])' || code=1
    exit $code
    ;;
preview)
    code=0
    pulumi preview --stack="$1" --non-interactive --suppress-outputs --color never >"$reports/$1.preview.txt" 2>&1 || code=$?
    cat "$reports/$1.preview.txt"
    exit $code
    ;;
all)
    code=0
    while IFS= read -r stack; do
        [ -z "$stack" ] || sh "$0" "$1" "$stack" "${2:-}" "${3:-}" </dev/null || code=1
    done <"$reports/stacks"
    exit $code
    ;;
comment)
    "$python" "$here/comment.py" "$reports"
    ;;
*)
    echo "Unknown step $step. Allowed: install, changed, check, preview, all, comment." >&2
    exit 2
    ;;
esac
