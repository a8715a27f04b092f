"""Lays out what evaluators found: as tables and as JSON."""

from collections.abc import Callable, Mapping

from skeljax.localize.metrics import Result


def tables(measured: Mapping[str, Mapping], layout: Callable[..., str]) -> str:
    """Lays out the figures of protocols, one table for those that report the same ones.

    Args:
        measured: protocol -> what `to_json_dict` returns.
        layout: `table.text` or `table.markdown`.
    """
    alike: dict[tuple, dict] = {}
    for name, found in measured.items():
        alike.setdefault(tuple(found['figures']), {})[name] = list(found['figures'].values())
    shown = [
        layout(list(rows), columns, list(rows.values()), corner='protocol', scale=100.0)
        for columns, rows in alike.items()
    ]
    return '\n\n'.join(shown)


def to_json_dict(result: Result) -> dict:
    """Describes a result for a JSON file; what is absent is None."""
    return {
        'figures': dict(result.figures),
        'mean': result.mean,
        'tious': list(result.tious),
        'map': result.map.tolist(),
        'ap': [[None if v != v else v for v in row] for row in result.ap.tolist()],
        'num_predicted': result.num_predicted,
        'num_true': result.num_true,
    }
