# %% [markdown]
# # 08 Scenario: if we change this, what moves, and when will it show?
#
# **The question.** The board has money for some more hours of coaching, and the support team offers still
# shorter calls. What would each bring, and by when should we look?
#
# **You will be able to** follow a lasting change along the shown links, read the bands of a forecast, ask
# what it takes to reach a target, and recognise a question that the data cannot answer.
#
# **You need** the judged map of [06 Evidence](06_evidence.ipynb).
#
# **20 minutes.**

# %%
import altair as alt

import ipo_nb as ipo
from ipo_nb import teaching as teach

alt.renderers.enable("svg")
case = ipo.load_sample("support")
evidence = ipo.weigh_links(case.ipo_map, case.panel)

# %% [markdown]
# A scenario uses only links that the data have shown, of grade C or better. Claims that are still open
# carry nothing here, however dear they are to somebody. The change is lasting: a level is raised and stays
# there.

# %% [markdown]
# First the coaching. Ten more hours a week; what do we expect? More cases solved at once, somewhat longer
# calls, and later, through both, happier customers.

# %%
coaching = ipo.run_scenario(evidence, {"Coaching hours": 10}, horizon=26)

# %% tags=["nbval-check-output"]
teach.say(coaching.text)

# %% [markdown]
# Units are real, so that the answer can be argued about: hours in, points and contracts out. Weigh it
# against the price of ten hours a week; the package does not know what an hour costs you.

# %%
ipo.charts.scenario_chart(coaching)

# %% [markdown]
# Customers notice nothing in the first weeks. This is the most useful part of the picture: whoever looks
# after a fortnight finds no effect and stops a programme that works. The bands widen along the path, since
# each link adds its own doubt.

# %% tags=["nbval-check-output"]
coaching.summary[["metric", "estimate", "low", "high", "shows_by", "shows_on", "harmed"]].round(2)

# %% [markdown]
# `shows_by` is the first week in which the band leaves zero behind, and `shows_on` its name if we start in
# the last week of the data: the date to put into the calendar before starting. `harmed` marks metrics that
# would go against the direction that somebody asked for. Here it is *Handle minutes*, and that is a good
# sign about the coaching and a bad one about the target.

# %% [markdown]
# Now the other offer: calls half a minute shorter. On the support team's own dashboard this is a success
# from the first day.

# %%
shorter = ipo.run_scenario(evidence, {"Handle minutes": -0.5}, horizon=26)

# %% tags=["nbval-check-output"]
teach.say(shorter.text)

# %%
ipo.charts.scenario_chart(shorter)

# %% [markdown]
# Weeks of calm, then satisfaction falls, and renewals after it. By that time the success has been reported,
# and the loss will be put down to the season or the competition. A local win, a strategic loss, and nobody
# did anything wrong.

# %% [markdown]
# Can the two be had together? Changes can be combined; what lies on common paths is added up. A metric that
# we set ourselves is held where we put it, whatever else would move it.

# %% tags=["nbval-check-output"]
both = ipo.run_scenario(evidence, {"Coaching hours": 10, "Handle minutes": -0.5}, horizon=26)
both.summary[["metric", "estimate", "low", "high", "harmed"]].round(2)

# %% [markdown]
# The coaching does not make up for the shorter calls. Such a sum is exactly what separate dashboards never
# show, because each of them holds one of the two rows.

# %% [markdown]
# How far may we go? Only as far as the data have been. A hundred more hours of coaching lie outside
# everything seen in four years, and the answer is a refusal.

# %% tags=["nbval-check-output"]
teach.refused(ipo.run_scenario, evidence, {"Coaching hours": 100})

# %% [markdown]
# The other way round: what would it take to reach a target? The room looks among the metrics that a team
# can move for the smallest change that gets there, and stays inside what was seen.

# %% tags=["nbval-check-output"]
target = ipo.reach_target(evidence, "Satisfaction", 7.5)
teach.say(target.text)

# %% [markdown]
# Treat it as a proposal, not as a plan. The smallest change in the data's terms may be the dearest one in
# money. And a target that no single metric reaches is refused, with the furthest point named.

# %% tags=["nbval-check-output"]
teach.refused(ipo.reach_target, evidence, "Satisfaction", 9.5)

# %% [markdown]
# The panel below has a slider for each metric that a team can move and that a shown link leads on from, in
# its own unit and inside the seen range. Move two of them against each other: what follows is drawn at once,
# and a guardrail names what is hurt. Or name a target, and the sliders go to the smallest change of one
# metric that reaches it. In a page that nobody has run, you see the change that it starts with.

# %%
panel = ipo.widgets.ScenarioPanel(evidence, {"Agents on shift": 5})
panel

# %% [markdown]
# Whatever the sliders say is an ordinary scenario. One line of Python gives the same; it stands under the
# panel, as *As code*.

# %% tags=["nbval-check-output"]
teach.say(panel.scenario.text)

# %% [markdown]
# **What we found.** Coaching lifts satisfaction, weeks later; shorter calls lower it, weeks later; together
# they do not cancel out. Each answer has a date on which it can be checked.
#
# **What it does not show.** How people react to being steered. The links were seen while nobody pushed them
# this way; a target can change what a number means. Start small, write the date down, and look again.
#
# **Next:** [09 Report](09_report.ipynb), which puts it all on one page that can be mailed.
