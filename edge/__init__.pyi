from edge.errors import BackendUnavailable as BackendUnavailable
from edge.errors import BadInput as BadInput
from edge.errors import ConfigError as ConfigError
from edge.errors import InferenceError as InferenceError
from edge.errors import ManifestError as ManifestError
from edge.errors import ModelNotFound as ModelNotFound
from edge.errors import PasserbyError as PasserbyError
from edge.schemas.analyze import Face as Face
from edge.schemas.decoding import decode_event as decode_event
from edge.schemas.events import Health as Health
from edge.schemas.events import Info as Info
from edge.schemas.events import Live as Live
from edge.schemas.events import Reply as Reply
from edge.schemas.events import Visit as Visit
from edge.sensor.geometry import Box as Box
from edge.sensor.types import AttributeEstimate as AttributeEstimate
from edge.sensor.types import Detection as Detection
from edge.workbench.analyze.face_networks import FaceNetworks as FaceNetworks
from edge.workbench.analyze.face_networks import open_model_set as open_model_set

__version__: str
