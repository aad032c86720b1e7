# %% [markdown]
# # 03 Audit: what is wrong with the KPI system as drawn?
#
# **The question.** Suppose every arrow on the map were true. Would the teams, each working on its own
# numbers, reach the goals?
#
# **You will be able to** run the audit, tell a finding that needs action from one that needs a word, and
# mend the map until what is left is meant.
#
# **You need** a map: [02 Links](02_links.ipynb). No data: everything here follows from the drawing.
#
# **20 minutes.**

# %%
import altair as alt

import ipo_nb as ipo
from ipo_nb import teaching as teach

alt.renderers.enable("svg")
ipo_map = ipo.load_sample("support").ipo_map
audit = ipo.audit_map(ipo_map)

# %% [markdown]
# An audit asks plain questions of the drawing. Does each metric lead to an outcome? Does each outcome have
# something that leads to it? Can the team that answers for a number move it? The headline counts what
# reaches a goal at all.

# %% tags=["nbval-check-output"]
teach.say(audit.headline)

# %% [markdown]
# The rest of the metrics are collected, reported and discussed, and by the map's own account lead nowhere.
# Let us see what kinds of findings there are, and how serious.

# %% tags=["nbval-check-output"]
audit.findings.groupby(["severity", "code"], sort=False).size().to_frame("findings")

# %% [markdown]
# The code is a short name for the kind of fault; each finding also has a message and a mend. We start with
# the one that matters most, since it sets a team against the goal.

# %% tags=["nbval-check-output"]
conflict = audit.findings.query("code == 'declared_conflict'").iloc[0]
teach.say(conflict["message"], conflict["mend"])

# %% [markdown]
# Nobody has opened the data yet. The conflict follows from two things that the organisation itself wrote
# down: the direction that the support team is asked to push, and the sign of a link. Such a contradiction
# can sit in a KPI system for years, because the two halves hang in different offices.

# %% [markdown]
# Next, the loose ends. We expect at least one metric that nobody linked to anything.

# %% tags=["nbval-check-output"]
loose = audit.findings[audit.findings["code"].isin(["isolated", "dead_end", "outcome_only"])]
loose[["code", "metrics", "team"]]

# %% [markdown]
# *Isolated* is a metric with no link at all; a *dead end* leads to no outcome; an *outcome only* is a wish
# with nothing that leads to it. Each asks for a decision: link it, or stop reporting it. Fewer numbers are
# a result too.

# %% [markdown]
# Seen by team, the same drawing shows who can do what. Two shares matter: how much of what a team is judged
# on it can move itself, and how many of its links cross into other teams.

# %% tags=["nbval-check-output"]
audit.teams.round(2)

# %% [markdown]
# The team Customer answers for results and controls none of them. Nearly all of its arrows come from other
# teams: whoever wants to help its numbers has to talk to another team. That is no fault of the people, but
# it is a fault of a bonus plan that pays them for it.

# %% [markdown]
# Now we mend. *Calls scored* and the others stay for the data to judge, but *Certificates filed* is a
# number that its own team cannot place. We try what the audit suggests: say what it is believed to move.

# %%
why = "Certified agents know more"
belief = ipo.Link("Certificates filed", "First-contact resolution", "+", lag=(1, 6), why=why)
mended = ipo.audit_map(ipo_map.with_link(belief))

# %% tags=["nbval-check-output"]
teach.say(audit.headline, mended.headline)

# %% [markdown]
# One more metric reaches a goal, on paper. It would be easy to go on drawing arrows until the audit is
# silent. Do not: an arrow that nobody believes only moves the problem to the day when the data are asked.

# %% [markdown]
# Some findings are harmless here. An arrow that goes against the flow, or a circle, may be just how the
# work runs: a full backlog brings overtime, and overtime empties the backlog. The audit points at it
# because circles are hard to read from data.

# %% tags=["nbval-check-output"]
circles = audit.findings.query("code == 'cycle'")
teach.say(circles["message"].iloc[0])

# %% [markdown]
# The findings are data like everything else: filter them, sort them, write them to a file for the meeting.
# So many there are of each weight:

# %% tags=["nbval-check-output"]
audit.findings["severity"].value_counts().to_frame()

# %%
ipo.charts.map_chart(ipo_map)

# %% [markdown]
# Look at the map again with the audit in mind. Dashed boxes have no links. Follow the arrows back from
# *Newsletter readers*: there are none, and yet somebody has a target for it.

# %% [markdown]
# **What we found.** The map contains a declared conflict between a team's target and an outcome, metrics
# that lead nowhere, an outcome that nothing leads to, and a team that answers for what it cannot move.
#
# **What it does not show.** Which arrows are true. An audit takes the map at its word; a map of false
# beliefs passes it just as well.
#
# **Next:** [04 Panel](04_panel.ipynb), where the numbers come in.
