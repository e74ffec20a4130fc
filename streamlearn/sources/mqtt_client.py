"""A client of an MQTT broker, with the credentials that the environment names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamlearn.errors import ConfigError
from streamlearn.sources.limits import CONNECT_SECONDS
from streamlearn.sources.mqtt_address import CA, CERTIFICATE, KEY, PASSWORD, USER, MqttAddress


def new_client(
    mqtt: Any, at: MqttAddress, name: str, given: Mapping[str, str], *, clean: bool, reconnect: bool
) -> Any:
    """Return a client that acknowledges only what it is told to.

    Parameters
    ----------
    mqtt
        The module ``paho.mqtt.client``.
    at
    name
        The client's.
    given
        Where credentials are.
    clean
        Whether the broker forgets the session when it ends.
    reconnect
        Whether paho connects again by itself.

    Raises
    ------
    ConfigError
        A password without a user, or a certificate that cannot be read.
    """
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,
        name,
        clean_session=clean,
        protocol=mqtt.MQTTv311,
        reconnect_on_failure=reconnect,
        manual_ack=True,
    )
    client.connect_timeout = CONNECT_SECONDS
    if USER in given:
        client.username_pw_set(given[USER], given.get(PASSWORD))
    elif PASSWORD in given:
        raise ConfigError(f"{PASSWORD} is set, but {USER} is not; MQTT takes both")
    if at.scheme == "mqtts://":
        try:
            client.tls_set(given.get(CA), given.get(CERTIFICATE), given.get(KEY))
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            raise ConfigError(
                f"{at}: the certificates in {CA}, {CERTIFICATE} and {KEY} cannot be used: {error}"
            ) from error
    return client
