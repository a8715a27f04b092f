#!/usr/bin/env bash
# The whole job on one corpus: prepare, pretrain, fine-tune, evaluate, compare; see out/demo/.
#   bash launch/demo.sh
#   bash launch/demo.sh --corpus ui_prmd --manual-dir DIR
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. launch/environment.sh ''
exec skeljax demo "$@"
