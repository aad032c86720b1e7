# %% [markdown]
# # 00 Start: from a list of metrics to a report, in one sitting
#
# **The question.** A support centre makes its calls shorter every year, and is proud of it. Why are its
# customers no happier for it?
#
# **You will be able to** walk the whole path once: inventory, map, audit, series, evidence, drivers,
# scenario, report. The nine pages after this one take the steps one at a time.
#
# **You need** nothing: the case comes with the package.
#
# **15 minutes.**

# %% [markdown]
# Run a cell with Shift and Enter, and go on to the next. The lines below load the package and ask for
# charts that also show without internet.

# %%
import altair as alt

import ipo_nb as ipo
from ipo_nb import teaching as teach

alt.renderers.enable("svg")
case = ipo.load_sample("support")

# %% [markdown]
# ## What is measured
# Five teams report eighteen numbers each week. The method sorts them: **inputs** are what we pay for,
# **processes** are what we do, **outcomes** are what we are here for. The numbers of this case were made by
# a program, so that the truth is known and the analysis can be caught out.

# %% tags=["nbval-check-output"]
teach.say(case.ipo_map.inventory.text)

# %% tags=["nbval-check-output"]
case.ipo_map.inventory.table[["name", "stage", "team", "better"]]

# %% [markdown]
# The support team is judged on its processes: shorter waits, shorter calls. Nobody in it is judged on
# whether the customer went away content. Keep an eye on *Handle minutes*, the mean length of a call.

# %%
ipo.charts.series_chart(case.panel, ["Handle minutes", "Satisfaction"])

# %% [markdown]
# Calls got shorter, as asked. Satisfaction goes up and down, and seems to slip. Do the two have to do with
# each other? The picture cannot say: two lines that wander for four years often look related and often do
# not.

# %% [markdown]
# ## What people believe
# Before any data are opened, the teams write down who moves what: an arrow for each belief, with its sign
# and the weeks it is thought to take.

# %%
ipo.charts.map_chart(case.ipo_map)

# %% [markdown]
# An audit needs no data. It asks whether the system could work at all if every arrow were true: what leads
# nowhere, what nobody leads to, who answers for what they cannot move.

# %% tags=["nbval-check-output"]
audit = ipo.audit_map(case.ipo_map)
teach.say(audit.headline)

# %% [markdown]
# ## What the data say
# Now everything in one call. Each arrow is tested in the weeks that were declared for it, against trend,
# season and the past of the series, and all arrows are corrected for their number. It takes some seconds.

# %%
study = ipo.run_study(case.ipo_map, case.panel)

# %% tags=["nbval-check-output"]
teach.say(study.headline)

# %% [markdown]
# That is the finding in one line. Here is the map again, as the data judge it. A tick is a belief that
# held; a question mark is one that these weeks cannot decide; an equals sign is arithmetic that was not
# tested.

# %%
ipo.charts.map_chart(case.ipo_map, study.evidence)

# %% [markdown]
# What moves satisfaction most? Dots are shares of the explained movement, lines their uncertainty, and
# drivers in one bracket cannot be ranked.

# %%
ipo.charts.drivers_chart(study.drivers["Satisfaction"])

# %% [markdown]
# And who wins at whose cost? This sentence is what the whole method is for.

# %% tags=["nbval-check-output"]
teach.say(study.conflicts.text)

# %% [markdown]
# The team does what it was asked to do. The harm comes weeks later, in a number that belongs to somebody
# else. No dashboard that shows one team at a time can show it.

# %% [markdown]
# ## What if
# Suppose calls were made half a minute shorter still, and stayed so. What would we see, and when?

# %%
shorter = ipo.run_scenario(study.evidence, {"Handle minutes": -0.5}, horizon=26)
ipo.charts.scenario_chart(shorter)

# %% [markdown]
# Nothing for some weeks, then satisfaction falls, then renewals. Whoever looks after a fortnight sees only
# the success.

# %% [markdown]
# As important is what the data do *not* say. A report that leaves this out is advertising.

# %% tags=["nbval-check-output"]
teach.say(*study.unknown[:3])

# %% [markdown]
# ## What to send
# All of it fits into one file that opens anywhere, without internet. It appears beside this page.

# %% tags=["nbval-check-output"]
report = ipo.write_report(study, "first_report.html")
report.name

# %% [markdown]
# **What we found.** Shorter calls cost satisfaction some weeks later. The target of one team works against
# the goal of the whole, and the map of beliefs, tested, shows where.
#
# **What it does not show.** Proof in the strict sense. The tests rule out chance, trend and season; they
# cannot rule out what nobody measured. A trial in one team would.
#
# **Next:** [01 Metrics](01_metrics.ipynb), the first step with time to think.
