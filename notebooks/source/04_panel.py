# %% [markdown]
# # 04 Panel: are these series fit to be asked?
#
# **The question.** The map makes claims about weeks. Do the numbers lie on one calendar, without holes that
# somebody filled in kindly, and what do they seem to say before we test anything?
#
# **You will be able to** bring series onto the map's calendar, read the receipt of what was decided on the
# way, and name two things that make unrelated numbers move together.
#
# **You need** a map and its series: [02 Links](02_links.ipynb).
#
# **25 minutes.**

# %% [markdown]
# The case brings its series along. Your own are read with `ipo.read_series("series.csv", ipo_map)`, from
# CSV, Excel, Parquet or a DataFrame, one column per metric or one row per value.

# %%
import altair as alt

import ipo_nb as ipo
from ipo_nb import teaching as teach

alt.renderers.enable("svg")
case = ipo.load_sample("support")
panel = case.panel

# %% tags=["nbval-check-output"]
teach.say(panel.text)

# %% [markdown]
# One row per metric says how much there is of it. We expect full columns, and look for the ones that are
# not.

# %% tags=["nbval-check-output"]
panel.table[["metric", "n_periods", "missing", "mean", "low", "high"]].round(2)

# %% [markdown]
# One metric has missing weeks. They stay missing: a gap that is filled in with a mean or with last week's
# value looks like data, and every later step would believe it. Here is the hole, with a week on either
# side.

# %% tags=["nbval-check-output"]
certificates = panel.series("Certificates filed")
certificates["2024-09-23":"2024-10-20"]

# %% [markdown]
# *Paid hours* was never recorded as such; it is computed from its formula. Every such decision stands in
# the receipt. It is the first thing to show to somebody who doubts a number.

# %% tags=["nbval-check-output"]
panel.receipt

# %% [markdown]
# Now the two series that the support team and the board of directors each look at. We expect the calls to
# get shorter: that is what the team is paid for.

# %%
ipo.charts.series_chart(panel, ["Handle minutes", "Satisfaction"])

# %% [markdown]
# Calls did get shorter, year after year. Satisfaction wanders, and seems to slip. Whether one has to do
# with the other cannot be read from this picture: two lines that drift for four years will agree or
# disagree about as often as two coins.

# %% [markdown]
# How badly a drift can mislead is easy to show. *Newsletter readers* and *Renewals* have nothing to do with
# each other in this case (the program that made it says so). Their correlation:

# %% tags=["nbval-check-output"]
pair = panel.values[["Newsletter readers", "Renewals"]]
pair.corr().round(1)

# %% [markdown]
# That is a large correlation, of the kind that gets budgets approved. It comes from one fact alone: both
# grew. Week on week, where a growth of four years weighs nothing, little is left of it.

# %% tags=["nbval-check-output"]
pair.diff().corr().round(1)

# %%
ipo.charts.series_chart(panel, ["Newsletter readers", "Renewals"])

# %% [markdown]
# The second deceiver is the season. *Articles read* and *Renewals* both peak before Christmas. Anything
# with a season goes along with anything else that has one, ice cream with drownings. Look for the yearly
# wave in both.

# %%
ipo.charts.series_chart(panel, ["Articles read", "Renewals"])

# %% [markdown]
# So a test that deserves the name has to take away trend and season, and each series' own habit of staying
# where it was, before it compares anything. That is what the next page does. No verdict in this package
# rests on a correlation of raw levels.

# %% [markdown]
# Lags follow the calendar, not the row. Were a week missing from a file, the week after it would not slide
# into its place. We take a week out and look at what became of the calendar.

# %% tags=["nbval-check-output"]
frame = panel.values.drop(columns="Paid hours").reset_index().rename(columns={"period": "week"})
holed = ipo.read_series(frame.drop(index=100), case.ipo_map)
teach.say(holed.text)

# %% [markdown]
# A value that cannot be read with certainty is refused, with its place. Nobody guesses what "about 5" was
# meant to be.

# %%
doubtful = frame.astype({"Wait minutes": object})
doubtful.loc[100, "Wait minutes"] = "about 5"

# %% tags=["nbval-check-output"]
teach.refused(ipo.read_series, doubtful, case.ipo_map)

# %% [markdown]
# Steps, single events, totals over several weeks, one thing measured twice: such oddities are put to you as
# questions, and nothing is changed. Here we put one in: from week 120 on somebody counts complaints twice.

# %%
stepped = frame.assign(Complaints=frame["Complaints"] + 30.0 * (frame.index >= 120))
odd = ipo.find_oddities(ipo.read_series(stepped, case.ipo_map), case.ipo_map)

# %% tags=["nbval-check-output"]
teach.say(*odd.table["what"])

# %% [markdown]
# A check: how many weeks of *Certificates filed* are missing?

# %%
missing_weeks = ...
teach.check("04.1", missing_weeks)

# %% [markdown]
# **What we found.** Four years of weekly series on one calendar, one hole that stays a hole, a computed
# metric; calls that get shorter; and two pairs that move together for no reason but trend and season.
#
# **What it does not show.** Any link at all. Looking at lines is for finding mistakes in the data, not for
# finding causes.
#
# **Next:** [05 Lags](05_lags.ipynb), which puts one link to the test.
