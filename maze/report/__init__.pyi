__all__ = [
    "Comparison",
    "ComparisonRow",
    "Curve",
    "CurveBand",
    "CurveSummary",
    "EpisodeTable",
    "Improvement",
    "Interval",
    "Measured",
    "MeasuredAgent",
    "MissingJob",
    "PairedDifference",
    "band_of_curves",
    "bootstrap_interval",
    "columns_as_csv",
    "compare",
    "compared_values",
    "comparison_figure",
    "comparison_markdown",
    "comparison_tables",
    "differing_values",
    "episode_length_figure",
    "episodes_as_csv",
    "interquartile_mean",
    "learning_curve_figure",
    "location_table",
    "paired_difference",
    "probability_of_improvement",
    "read_curve",
    "read_episodes",
    "result_markdown",
    "result_table",
    "return_histogram_figure",
    "save_figure",
    "summarise",
    "summarise_curves",
    "write_plots",
]

from .comparison import Comparison as Comparison
from .comparison import ComparisonRow as ComparisonRow
from .comparison import compare as compare
from .comparison import compared_values as compared_values
from .comparison import differing_values as differing_values
from .comparison_figure import comparison_figure as comparison_figure
from .comparison_tables import comparison_markdown as comparison_markdown
from .comparison_tables import comparison_tables as comparison_tables
from .curves import Curve as Curve
from .curves import CurveBand as CurveBand
from .curves import CurveSummary as CurveSummary
from .curves import band_of_curves as band_of_curves
from .curves import read_curve as read_curve
from .curves import summarise_curves as summarise_curves
from .episodes import EpisodeTable as EpisodeTable
from .episodes import columns_as_csv as columns_as_csv
from .episodes import episodes_as_csv as episodes_as_csv
from .episodes import read_episodes as read_episodes
from .improvement import Improvement as Improvement
from .improvement import PairedDifference as PairedDifference
from .improvement import paired_difference as paired_difference
from .improvement import probability_of_improvement as probability_of_improvement
from .intervals import Interval as Interval
from .intervals import bootstrap_interval as bootstrap_interval
from .intervals import interquartile_mean as interquartile_mean
from .measured import Measured as Measured
from .measured import MeasuredAgent as MeasuredAgent
from .missing_jobs import MissingJob as MissingJob
from .plots import episode_length_figure as episode_length_figure
from .plots import learning_curve_figure as learning_curve_figure
from .plots import return_histogram_figure as return_histogram_figure
from .plots import save_figure as save_figure
from .plots import write_plots as write_plots
from .summary import summarise as summarise
from .tables import location_table as location_table
from .tables import result_markdown as result_markdown
from .tables import result_table as result_table
