__all__ = [
    "Curve",
    "CurveSummary",
    "EpisodeTable",
    "Interval",
    "bootstrap_interval",
    "episode_length_figure",
    "interquartile_mean",
    "learning_curve_figure",
    "location_table",
    "read_curve",
    "result_markdown",
    "result_table",
    "return_histogram_figure",
    "save_figure",
    "summarise",
    "summarise_curves",
    "write_plots",
]

from .curves import Curve as Curve
from .curves import CurveSummary as CurveSummary
from .curves import read_curve as read_curve
from .curves import summarise_curves as summarise_curves
from .intervals import Interval as Interval
from .intervals import bootstrap_interval as bootstrap_interval
from .intervals import interquartile_mean as interquartile_mean
from .plots import EpisodeTable as EpisodeTable
from .plots import episode_length_figure as episode_length_figure
from .plots import learning_curve_figure as learning_curve_figure
from .plots import return_histogram_figure as return_histogram_figure
from .plots import save_figure as save_figure
from .plots import write_plots as write_plots
from .summary import summarise as summarise
from .tables import location_table as location_table
from .tables import result_markdown as result_markdown
from .tables import result_table as result_table
