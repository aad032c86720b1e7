# %% [markdown]
# # 02 Links: which metric do we believe moves which?
#
# **The question.** Between the hours that we pay for and the customers that stay lies a chain of beliefs.
# Can we write it down so plainly that data could prove it wrong?
#
# **You will be able to** state a link with sign, lag and reason, draw the map of all links, follow its
# paths, and keep it in a file that people can read.
#
# **You need** an inventory: [01 Metrics](01_metrics.ipynb). Still no data.
#
# **25 minutes.**

# %%
import altair as alt

import ipo_nb as ipo
from ipo_nb import teaching as teach

alt.renderers.enable("svg")
ipo_map = ipo.load_sample("support").ipo_map

# %% [markdown]
# A link is a sentence that can be wrong: *this cause moves that effect, in this direction, so many weeks
# later, because …*. Here is one that the support centre's own people put forward.

# %% tags=["nbval-check-output"]
link = ipo_map.link("Handle minutes", "Satisfaction")
teach.say(f"{link.sign} {link.lag} {link.why}")

# %% [markdown]
# The sign says that longer calls go with happier customers. The lag says when: not in the first week, at
# the latest in the eighth. The reason is what makes it worth a test; a link without one is a guess, and
# guesses are cheap to make and dear to check.

# %% [markdown]
# Note the tension. The team that owns *Handle minutes* is asked to make it **smaller**. If this link holds,
# the team's success harms the customer. The map may say such a thing aloud before a single number has been
# opened.

# %% tags=["nbval-check-output"]
teach.say(ipo_map.text)

# %% [markdown]
# All links stand in a table. We expect the first ones to run from inputs to processes and the later ones
# from processes to outcomes.

# %% tags=["nbval-check-output"]
ipo_map.table[["cause", "effect", "sign", "lag_from", "lag_to"]]

# %% [markdown]
# The lag windows differ, and that is deliberate. Hands on the phone work at once; a habit learnt from a
# coach takes weeks. A window written before the data are opened is the only one that will be searched,
# which is why a narrow one is worth having.

# %%
ipo.charts.map_chart(ipo_map)

# %% [markdown]
# Inputs stand left, processes in the middle, outcomes right; each arrow carries its sign and window. Boxes
# without arrows are metrics that nobody linked to anything. Somebody collects them every week all the same.

# %% [markdown]
# Two questions to any metric: what is said to move it, and what does it move? We ask them of satisfaction.

# %% tags=["nbval-check-output"]
ipo_map.parents("Satisfaction"), ipo_map.children("Satisfaction")

# %% [markdown]
# Paths join links. How does an hour of coaching reach a renewed contract? We expect more than one way,
# since coaching changes both what agents know and how long they talk.

# %% tags=["nbval-check-output"]
ipo_map.paths("Coaching hours", "Renewals")

# %% [markdown]
# There are two ways, and both pass through satisfaction. Along each, lags add up: the budget of this spring
# shows in the renewals of the summer. Whoever looks at the same week sees nothing, and cuts the coaching.

# %% [markdown]
# Some arrows are arithmetic: everybody on shift is paid, that is how paid hours are counted. The map knows
# it from the formula in the inventory, draws the arrow, and will never test it.

# %% tags=["nbval-check-output"]
payroll = ipo_map.link("Agents on shift", "Paid hours")
ipo_map.is_identity(payroll)

# %% [markdown]
# Adding a belief makes a new map; the old one stays as it was. Suppose the newsletter people think that
# their readers complain less.

# %% tags=["nbval-check-output"]
belief = ipo.Link("Newsletter readers", "Complaints", "-", lag=(0, 4), why="They know where to ask")
bolder = ipo_map.with_link(belief)
teach.say(ipo_map.text, bolder.text)

# %% [markdown]
# What cannot be meant is refused: a metric that is not there, or one that moves itself.

# %% tags=["nbval-check-output"]
teach.refused(ipo_map.with_link, ipo.Link("Handle minuts", "Renewals"))

# %% [markdown]
# Maps live in files, so that they can be read, mailed and compared. We take a copy of the case into a
# folder of our own. The board below is that file as a drawing. Run the cell and drag from a cause to its
# effect; by keyboard, walk to the cause, press `L`, walk to the effect, press Enter. Then say sign, lag and
# why. The file has each edit at once, and any can be undone.

# %%
my_map = ipo.read_map(teach.own_copy("support"))
board = ipo.widgets.LinkBoard(my_map)
board

# %% [markdown]
# The file is a list of sentences, one for each link, with room for comments, which the board leaves as they
# are. Changing a line in any editor is as good as drawing. It begins so:

# %%
my_map.path.read_text("utf-8").splitlines()[:14]

# %% [markdown]
# A check: which metric is said to move *Articles read*? Put its name between quotation marks in place of
# the dots.

# %%
mover = ...
teach.check("02.1", mover)

# %% [markdown]
# **What we found.** The beliefs of five teams fit on one page, with direction, delay and reason; two ways
# lead from coaching to renewals, and a team's target runs against a declared link.
#
# **What it does not show.** That any arrow is true. A map is a set of claims, and what nobody thought of is
# not on it.
#
# **Next:** [03 Audit](03_audit.ipynb), which finds what is wrong with the system as drawn.
