"""Formats results of evaluators as tables and as JSON."""

from collections.abc import Callable, Mapping

from skeljax.localize.metrics import Result


def tables(results: Mapping[str, Mapping], layout: Callable[..., str]) -> str:
    """Returns the metrics of protocols, one table for all protocols with the same metrics.

    Args:
        results: protocol -> result of `to_json_dict`.
        layout: `table.text` or `table.markdown`.
    """
    groups: dict[tuple, dict] = {}
    for name, result in results.items():
        figures = result['figures']
        groups.setdefault(tuple(figures), {})[name] = list(figures.values())
    parts = [
        layout(list(rows), columns, list(rows.values()), corner='protocol', scale=100.0)
        for columns, rows in groups.items()
    ]
    return '\n\n'.join(parts)


def to_json_dict(result: Result) -> dict:
    """Returns a result as JSON object; nan becomes None."""
    return {
        'figures': dict(result.figures),
        'mean': result.mean,
        'tious': list(result.tious),
        'map': result.map.tolist(),
        'ap': [[None if v != v else v for v in row] for row in result.ap.tolist()],
        'num_predicted': result.num_predicted,
        'num_true': result.num_true,
    }
