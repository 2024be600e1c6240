"""Makes Grafana's JSON of the panels: ``python packaging/dashboard.py``, or ``make dashboard``.

The result is committed as config/grafana/tflited.json; a test holds it against the panels.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import heatmap as heatmap_options
from grafana_foundation_sdk.models import prometheus as prometheus_options

from panels import Kind, Panel, Query
from panels_of_output import CONVERSION, DAEMON, ROOTS
from panels_of_work import JOBS, QUEUE, STATE, WORKERS

ROWS: Final = {
    "State": STATE,
    "Jobs": JOBS,
    "Queue": QUEUE,
    "Workers": WORKERS,
    "Conversion": CONVERSION,
    "Roots": ROOTS,
    "Daemon": DAEMON,
}
"""The dashboard from top to bottom."""
TARGET: Final = Path(__file__).resolve().parents[1] / "config" / "grafana" / "tflited.json"
SELECTOR: Final = 'instance=~"$instance"'
SOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="${source}")
HEIGHTS: Final = {Kind.NUMBER: 4, Kind.NAME: 4}
HEIGHT: Final = 8


def main() -> None:
    """Writes the dashboard to its place, or with ``--print`` to standard output."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--print", action="store_true", help="write no file")
    if parser.parse_args().print:
        sys.stdout.write(text())
        return
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{TARGET}\n")


def text() -> str:
    """The dashboard as JSON."""
    return json.dumps(made().build(), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


def made() -> Any:
    """The whole dashboard, as the SDK builds one."""
    board = (
        dashboard.Dashboard("tflited")
        .uid("tflited")
        .description("What tflited builds, what waits, and why. docs/metrics.md tells each metric.")
        .tags(["tflited"])
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(dashboard.DatasourceVariable("source").label("Data").type("prometheus"))
        .with_variable(
            dashboard.QueryVariable("instance")
            .label("Instance")
            .datasource(SOURCE)
            .query("label_values(tflited_ready, instance)")
            .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(multi=True)
            .include_all(include_all=True)
            .all_value(".*")
        )
    )
    number = 0
    for title, panels in ROWS.items():
        number += 1
        board.with_row(dashboard.Row(title).id(number))
        for panel in panels:
            number += 1
            board.with_panel(drawn(panel).id(number))
    return board


def drawn(panel: Panel) -> Any:
    """One panel, in the shape of its kind."""
    match panel.kind:
        case Kind.NUMBER | Kind.NAME:
            shape = _number(panel)
        case Kind.HEATMAP:
            shape = heatmap.Panel().calculate(calculate=False)
            shape.color(
                heatmap.HeatmapColorOptions()
                .mode(heatmap_options.HeatmapColorMode.SCHEME)
                .scheme("Blues")
                .steps(64)
            )
            shape.y_axis(heatmap.YAxisConfig().unit(panel.unit))
        case _:
            shape = _lines(panel)
    shape.title(panel.title).description(panel.text).datasource(SOURCE).unit(panel.unit)
    shape.span(panel.width).height(HEIGHTS.get(panel.kind, HEIGHT))
    for place, query in enumerate(panel.queries):
        shape.with_target(_target(panel, query, chr(ord("A") + place)))
    return shape


def _number(panel: Panel) -> Any:
    is_name = panel.kind is Kind.NAME
    text_mode = options.BigValueTextMode.NAME if is_name else options.BigValueTextMode.VALUE
    shape = (
        stat.Panel()
        .graph_mode(options.BigValueGraphMode.NONE if is_name else options.BigValueGraphMode.AREA)
        .color_mode(options.BigValueColorMode.VALUE)
        .text_mode(text_mode)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return shape.thresholds(_thresholds(panel))


def _lines(panel: Panel) -> Any:
    is_stacked = panel.kind is Kind.STACKED
    shape = (
        timeseries.Panel()
        .min(0)
        .line_width(1)
        .fill_opacity(40 if is_stacked else 8)
        .show_points(options.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .display_mode(options.LegendDisplayMode.LIST)
            .placement(options.LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
            .calcs(["lastNotNull"])
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(options.TooltipDisplayMode.MULTI)
            .sort(options.SortOrder.DESCENDING)
        )
    )
    if is_stacked:
        shape.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL))
    if panel.warning is not None:
        shape.thresholds(_thresholds(panel)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(options.GraphTresholdsStyleMode.DASHED)
        )
    return shape


def _thresholds(panel: Panel) -> Any:
    """Colours by value: green, yellow, red; the other way round where less is worse."""
    steps = [model.Threshold(value=None, color="green")]
    if panel.warning is not None and panel.critical is not None and panel.critical < panel.warning:
        steps = [
            model.Threshold(value=None, color="red"),
            model.Threshold(value=panel.critical, color="yellow"),
            model.Threshold(value=panel.warning, color="green"),
        ]
    else:
        if panel.warning is not None and panel.warning != panel.critical:
            steps.append(model.Threshold(value=panel.warning, color="yellow"))
        if panel.critical is not None:
            steps.append(model.Threshold(value=panel.critical, color="red"))
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _target(panel: Panel, query: Query, ref: str) -> Any:
    target = (
        prometheus.Dataquery()
        .expr(query.expression.replace("@", SELECTOR))
        .legend_format(query.legend or "__auto")
        .datasource(SOURCE)
        .ref_id(ref)
        .exemplar(exemplar=query.has_exemplars)
    )
    if panel.kind is Kind.HEATMAP:
        target.format(prometheus_options.PromQueryFormat.HEATMAP)
    if panel.kind is Kind.NAME:
        return target.instant()
    return target.range()


if __name__ == "__main__":
    main()
