# %% [markdown]
# # 06 Evidence: which of our beliefs do the data support?
#
# **The question.** The map makes twenty claims. How many hold, how many fail, and about how many must we
# keep quiet?
#
# **You will be able to** judge all links of a map together, tell seven verdicts apart, and explain to a
# colleague why "not significant" is not "no effect".
#
# **You need** a map and its series, and [05 Lags](05_lags.ipynb) for what happens to a single link.
#
# **25 minutes.**

# %%
import altair as alt

import ipo_nb as ipo
from ipo_nb import teaching as teach

alt.renderers.enable("svg")
case = ipo.load_sample("support")

# %% [markdown]
# Twenty tests are not one test. At the usual five percent, one unrelated pair in twenty looks like a link
# by luck, and it is the one that will be put on a slide. So all links of the map are judged together and
# corrected for their number. Each is tested beside the other declared causes that its effect follows, so that
# what they explain is neither noise nor mistaken for it.

# %%
evidence = ipo.weigh_links(case.ipo_map, case.panel)

# %% tags=["nbval-check-output"]
teach.say(evidence.text)

# %% [markdown]
# Before reading on, guess which verdict will be the most frequent. Then look at the whole list.

# %% tags=["nbval-check-output"]
columns = ["cause", "effect", "verdict", "grade", "lag", "estimate", "low", "high"]
evidence.table[columns].round(3)

# %% [markdown]
# `estimate` is the long-run change of the effect, in its own unit, for a lasting rise of the cause by one
# unit; `low` and `high` are its 95 % interval. Units differ from row to row, so the numbers must not be
# compared down the column. The chart can be: there everything is in standard deviations.

# %%
ipo.charts.evidence_chart(evidence)

# %% [markdown]
# Each verdict has a sign that is the same on every page, in the report and in the widgets. **✓ supported**:
# moves as claimed, in the declared weeks. **✕ contradicted**: moves against the claim. **○ no large
# effect**: whatever there is, it is too small to matter.

# %% [markdown]
# **? not enough data**: cannot yet be told apart from nothing. **≈ cannot tell**: the data cannot separate
# it from something else. **↩ backwards**: only the other direction is there. **= identity**: arithmetic,
# not tested.

# %% tags=["nbval-check-output"]
evidence.table["verdict"].value_counts().to_frame()

# %% [markdown]
# The most useful rows are often the silent ones. For a link without enough data the text says how many
# weeks it would take. Where that runs into decades, waiting is no plan; moving the cause on purpose, in one
# team and not in another, is.

# %% tags=["nbval-check-output"]
silent = evidence.table.query("verdict == 'not_enough_data'")
teach.say(*silent["text"].head(2))

# %% [markdown]
# Arithmetic is set aside before any test. Paid hours contain the agents on shift; a regression of one on
# the other would find the strongest "driver" of the whole company, and it would be nothing but the payroll
# formula.

# %% tags=["nbval-check-output"]
teach.say(evidence.profile("Agents on shift", "Paid hours").text)

# %% [markdown]
# A loop is harder. A full backlog brings overtime, and overtime empties the backlog. Both directions are at
# work, so each of the two arrows carries the flag `feedback`. The flag `same_period` marks links that show
# within one week: there the data give no direction.

# %% tags=["nbval-check-output"]
looped = evidence.table[["cause", "effect", "verdict", "flags"]]
looped[looped["flags"].astype(bool)]

# %% [markdown]
# `q_value` is the p-value after the correction for many tests. Among the links called supported or
# contradicted, at most one in ten is expected to be false. That is a promise about the list, not about each
# row of it.

# %% tags=["nbval-check-output"]
shown = evidence.table.query("verdict in ['supported', 'contradicted']")
shown[["cause", "effect", "p_value", "q_value"]].round(4)

# %% [markdown]
# `grade` says how much weight a claim bears. **B** also predicts weeks that it has not seen and passes two
# tests meant to catch it lying; **C** is supported and no more. **A** would take a deliberate change. **D**
# is tested and open, **E** only asserted.

# %% tags=["nbval-check-output"]
teach.say(evidence.profile("Coaching hours", "First-contact resolution").text)

# %% [markdown]
# Here we may do what nobody can do with real data: look behind the curtain. The case was made by a program
# that planted these links. How did the verdicts fare against the truth?

# %% tags=["nbval-check-output"]
truth = case.truth[["cause", "effect", "kind"]].merge(evidence.table, on=["cause", "effect"])
truth.groupby(["kind", "verdict"]).size().unstack(fill_value=0)

# %% [markdown]
# Read the rows. What was planted as a link, and how much of it was found? What was planted as nothing, and
# was any of it called supported? A method that finds everything has usually found too much.

# %% [markdown]
# With your own data there is no curtain to look behind, but one thing can be done. `card` keeps how each
# effect moves by itself, cuts every link, and tests again, many times. Whatever is found then is an error.

# %% tags=["nbval-check-output"]
card = evidence.card(draws=10)
teach.say(card.text)

# %%
ipo.charts.map_chart(case.ipo_map, evidence)

# %% [markdown]
# This is the map from page 02, as the data judge it. Thick lines are large effects. Everything else is a
# claim that is still open, and drawn as such.

# %% [markdown]
# **What we found.** The planted links are supported, but for one that was made too weak to be seen; no pair
# that only shares a trend or a season is; arithmetic was set aside; and for what is open the text says what
# it would take.
#
# **What it does not show.** That a supported arrow is a cause. The tests exclude luck, trend, season and
# the other causes that the map declares. They cannot exclude what nobody measured.
#
# **Next:** [07 Drivers](07_drivers.ipynb): what moves the outcome most, and who pays for whose success.
