# %% [markdown]
# # 05 Lags: does the effect follow, and how many weeks later?
#
# **The question.** The support team makes calls shorter. The map claims that satisfaction pays for it, one
# to eight weeks on. Does it?
#
# **You will be able to** put one link to a test that trend and season cannot fool, read its profile over
# the lags, and say honestly when the data are silent.
#
# **You need** series on a calendar: [04 Panel](04_panel.ipynb).
#
# **30 minutes.**

# %%
import altair as alt

import ipo_nb as ipo
from ipo_nb import teaching as teach

alt.renderers.enable("svg")
case = ipo.load_sample("support")
handle = case.panel.series("Handle minutes")
satisfaction = case.panel.series("Satisfaction")

# %% [markdown]
# The claim is *plus*: longer calls, happier customers, with a delay of one to eight weeks. We say so before
# we look. If the claim holds, satisfaction should move some weeks after the calls did, beyond what trend,
# season and its own past explain.

# %%
profile = ipo.lag_profile(handle, satisfaction, lags=(1, 8), sign="+")

# %% tags=["nbval-check-output"]
teach.say(profile.text)

# %% [markdown]
# One sentence holds what a meeting needs: how much, with its interval, when, from how many weeks, and how
# sure. The interval is the range of effects that the data cannot rule out. If a decision would differ
# between its two ends, the data have not made the decision for you.

# %%
ipo.charts.lag_profile_chart(profile)

# %% [markdown]
# Each dot is the effect at one lag, each line its interval, made wide enough for all the lags together.
# Most lags cannot be told from zero. The tallest one says when the effect is strongest; its neighbours say
# how well that moment is known.

# %% tags=["nbval-check-output"]
profile.table.round(3)

# %% [markdown]
# Why so much care? Because the usual way, to try every lag and keep the best correlation, finds a "link" in
# most pairs of unrelated weekly series. We try it on a pair of which the truth is known: *Newsletter
# readers* do nothing to *Renewals*.

# %% tags=["nbval-check-output"]
pair = case.panel.values[["Newsletter readers", "Renewals"]]
pair.corr().round(1)

# %% tags=["nbval-check-output"]
readers, renewals = pair["Newsletter readers"], pair["Renewals"]
teach.say(ipo.lag_profile(readers, renewals, lags=(0, 6), sign="+").text)

# %% [markdown]
# The correlation shouts; the test does not follow. It removed what the two share without touching each
# other, and looked at what was left. Note what it does *not* say. It does not say that readers never
# matter, only that these weeks cannot show it.

# %% [markdown]
# How large would an effect have to be to be worth knowing? That is your decision, `matters`, in real units.
# If the whole interval lies within it, the answer becomes a firm *no large effect*, which is a finding like
# any other. For *Calls scored* the map says what would matter.

# %% tags=["nbval-check-output"]
claim = case.ipo_map.link("Calls scored", "Satisfaction")
scored = case.panel.series("Calls scored")
vanity = ipo.lag_profile(scored, satisfaction, lags=claim.lag, sign="+", matters=claim.matters)
teach.say(vanity.text)

# %% [markdown]
# Not yet: tested alone, the pair is too noisy. But the map names other causes of satisfaction, and what they
# explain need not count as noise. `weigh_links` judges each link beside the other declared causes that the
# effect follows. The same weeks may then be enough. It takes a few seconds.

# %% tags=["nbval-check-output"]
evidence = ipo.weigh_links(case.ipo_map, case.panel)
teach.say(evidence.profile("Calls scored", "Satisfaction").text)

# %% [markdown]
# A team has scored more and more recorded calls, because what is scored gets better, says the handbook. A
# number that can be raised at will and moves nothing is called a vanity metric. Nobody is to blame; but the
# hours could go elsewhere.

# %% [markdown]
# One more case, to know the limits. *Agents on shift* shorten the wait within the same week. The data then
# cannot say which moved which, since both have the same date. Only knowledge from outside can: rosters are
# written a month ahead.

# %% tags=["nbval-check-output"]
agents, wait = case.panel.series("Agents on shift"), case.panel.series("Wait minutes")
same_week = ipo.lag_profile(agents, wait, lags=(0, 3), sign="-")
teach.say(same_week.text)

# %% tags=["nbval-check-output"]
same_week.flags

# %% [markdown]
# If you would rather write the regression yourself, do. This one is exactly what it says: satisfaction on
# its own last week and on the calls of the last six weeks, estimated by statsmodels, with its result at
# `.fit`.

# %% tags=["nbval-check-output"]
own = ipo.lagged_regression(
    case.panel.values, "Satisfaction", {"Handle minutes": (1, 6)}, own_lags=1, trend="ct"
)
own.table.round(2)

# %% tags=["nbval-check-output"]
own.long_run.round(2)

# %% [markdown]
# Term by term a lag or two stands out, and the sum over all of them is the long-run effect. Your
# specification is your responsibility: a lag chosen after looking at the results makes its p-value worth
# little.

# %% [markdown]
# Now all links that were judged above. Run the cell, choose a link, and read its verdict above its lags and
# its two series. In a page that nobody has run, you see the one link chosen here.

# %% [markdown]
# The sliders there are for looking only. They show how the two go together as they stand, without season,
# and without their own history; often little is left. The verdict does not move with them, or one could
# slide until something turns up.

# %%
explorer = ipo.widgets.LagExplorer(evidence)
explorer.link = ("Handle minutes", "Satisfaction")
explorer

# %% [markdown]
# A check: after how many weeks is the effect of *Handle minutes* on *Satisfaction* strongest? Read it off
# the chart above.

# %%
weeks = ...
teach.check("05.1", weeks)

# %% [markdown]
# **What we found.** Shorter calls cost satisfaction, with a delay of some weeks. A trend that two series
# share is not taken for a link, and a vanity metric is called one.
#
# **What it does not show.** A cause in the strict sense. Something that we did not measure may have moved
# both, calls first and customers later. An experiment in one team would settle it.
#
# **Next:** [06 Evidence](06_evidence.ipynb), where every link of the map is judged together.
