"""Export a fine-tuned run as a model: one self-contained folder of plain files.

    skeljax export runs/tuned --out model/
    skeljax export runs/tuned --out model/ --decoder gaussian:3,watershed --min-score 0.2
    skeljax export runs/tuned --out model/ --stablehlo

model/model.json has classes, joint layout, frame rate, normalization, decoder and origin;
model/weights.npz has the weights. `skeljax predict --model model/` and `skeljax.load('model/')`
read it. --stablehlo adds the scoring function for serving without skeljax, and a page that
explains how to call it. See docs/predicting.md.
"""

from skeljax.cli import model_args
from skeljax.errors import InputError


def add_arguments(parser):
    parser.add_argument('workdir', metavar='WORKDIR', help='folder of a fine-tuning run')
    parser.add_argument('--out', required=True, help='folder of the model, which is created')
    parser.add_argument('--force', action='store_true', help='replace an existing model')
    parser.add_argument('--stablehlo', action='store_true', help='add the scoring function')
    parser.add_argument(
        '--frames', type=int, metavar='N',
        help='number of frames of its input (default: any multiple of 128)',
    )
    model_args.add_decoding(parser)


def run(args) -> int:
    if args.frames is not None and not args.stablehlo:
        raise InputError('--frames is for --stablehlo')
    from skeljax.inference import model_io, predictor, stablehlo

    if args.stablehlo:
        stablehlo.check(args.frames)
    model_io.check(args.out, force=args.force)
    model = predictor.of_run(
        args.workdir, args.protocol, args.decoder,
        thresholds=args.threshold, min_score=args.min_score, note=model_args.note,
    )
    model = model._replace(origin=model_io.origin(args.workdir))
    more = (lambda folder: stablehlo.write(folder, model, args.frames)) if args.stablehlo else None
    model_io.write(args.out, model, force=args.force, more=more)
    summary = f'{len(model.classes)} classes, {model.run.step} steps of training'
    print(f'{args.out}: {summary}; {"with" if more else "without"} the function in StableHLO')
    return 0
