"""Stands in for a cloud's command: writes down how it was called, and answers as told.

The folder CALLS holds `answers.json`, a list of {match, out, err, status, run, copy}: the
first whose `match` is in the words answers, once, unless it has `stay`. With `run`, the
words of `--command=` are run by a shell in the folder that HOME_THERE names, as on a
worker; with `copy` the file that is sent is kept there.
"""

import json
import os
import sys

folder = os.environ['CALLS']
words = sys.argv
with open(f'{folder}/calls.jsonl', 'a') as file:
    file.write(json.dumps(words) + '\n')
with open(f'{folder}/answers.json') as file:
    answers = json.load(file)
answer = next((a for a in answers if a['match'] in ' '.join(words)), {})
if answer and not answer.get('stay'):
    answers.remove(answer)
    with open(f'{folder}/answers.json', 'w') as file:
        json.dump(answers, file)
if answer.get('copy'):
    with open(words[5], 'rb') as source, open(answer['copy'], 'wb') as target:
        target.write(source.read())
if answer.get('run'):
    command = next(w for w in words if w.startswith('--command=')).removeprefix('--command=')
    there = os.environ['HOME_THERE']
    os.chdir(there)
    os.execvpe('bash', ['bash', '-c', command], {**os.environ, 'HOME': there})
if answer.get('out'):
    print(answer['out'])
print(answer.get('err', ''), end='', file=sys.stderr)
sys.exit(answer.get('status', 0))
