"""Every recipe, in the order of reports. A new paper is added here."""

from recipes.d3net_mss.config import RECIPE as D3NET_MSS
from recipes.d3net_segmentation.config import RECIPE as D3NET_SEGMENTATION
from recipes.dilated_u_net.config import RECIPE as DILATED_U_NET
from recipes.mm_dense_net.config import RECIPE as MM_DENSE_NET
from recipes.smoothed_dilated.config import RECIPE as SMOOTHED_DILATED
from recipes.wave_u_net.config import RECIPE as WAVE_U_NET

RECIPES = (WAVE_U_NET, DILATED_U_NET, MM_DENSE_NET, D3NET_MSS, D3NET_SEGMENTATION, SMOOTHED_DILATED)
