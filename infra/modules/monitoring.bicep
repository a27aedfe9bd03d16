// Logs, and the alerts with their receivers. Nothing is written without a token: local
// authentication is off.

param name string
param location string
param tags { *: string }
param principalId string
param serviceBusId string
param alertEmail string
param logRetentionDays int
param waitingCommandsThreshold int

var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: 'log-${name}'
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: logRetentionDays
    features: {
      disableLocalAuth: true
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${name}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

resource publisherRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, principalId, metricsPublisher)
  scope: insights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'The Functions host writes logs here.'
  }
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: take(name, 12)
    enabled: true
    emailReceivers: empty(alertEmail) ? [] : [
      {
        name: 'email'
        emailAddress: alertEmail
        useCommonAlertSchema: true
      }
    ]
  }
}

module deadLetters 'metric-alert.bicep' = {
  name: '${name}-alert-dead-letters'
  params: {
    name: '${name} commands given up'
    tags: tags
    text: 'A command or an event failed ten times and lies in the dead-letter queue of `commands`, or a refused message was left in `rejected` until it expired. infra/README.md, "When an alert fires", says what to do.'
    scope: serviceBusId
    metricNamespace: 'Microsoft.ServiceBus/namespaces'
    metricName: 'DeadletteredMessages'
    aggregation: 'Maximum'
    threshold: 0
    window: 'PT15M'
    dimension: 'EntityName'
    values: [
      'commands'
      'rejected'
    ]
    actionGroupId: people.id
  }
}

module refused 'metric-alert.bicep' = {
  name: '${name}-alert-rejected'
  params: {
    name: '${name} messages refused'
    tags: tags
    text: 'A message could not be understood and lies in the queue `rejected`, with the reason beside it. infra/README.md, "When an alert fires", says what to do.'
    scope: serviceBusId
    metricNamespace: 'Microsoft.ServiceBus/namespaces'
    metricName: 'ActiveMessages'
    aggregation: 'Maximum'
    threshold: 0
    window: 'PT15M'
    dimension: 'EntityName'
    values: [
      'rejected'
    ]
    actionGroupId: people.id
  }
}

// The least of half an hour: a storm that is worked off reaches the bottom in between, an app that does
// not run never does. Follow-ups that wait for their time are scheduled, and do not count.
module waiting 'metric-alert.bicep' = {
  name: '${name}-alert-waiting'
  params: {
    name: '${name} commands wait'
    tags: tags
    text: 'For half an hour messages have been waiting in `commands`, and nothing emptied the queue: the function app may be stopped or unable to start. infra/README.md, "When an alert fires", says what to do.'
    scope: serviceBusId
    metricNamespace: 'Microsoft.ServiceBus/namespaces'
    metricName: 'ActiveMessages'
    aggregation: 'Minimum'
    threshold: waitingCommandsThreshold
    window: 'PT30M'
    dimension: 'EntityName'
    values: [
      'commands'
    ]
    actionGroupId: people.id
  }
}

// One failure is nothing: the queue delivers the message again. Five within a quarter of an hour are
// a command that fails every time, or a function app that cannot do its work.
module failures 'metric-alert.bicep' = {
  name: '${name}-alert-failures'
  params: {
    name: '${name} invocations fail'
    tags: tags
    text: 'Several invocations failed within a quarter of an hour. The log says why.'
    scope: insights.id
    metricNamespace: 'microsoft.insights/components'
    metricName: 'requests/failed'
    aggregation: 'Count'
    threshold: 4
    window: 'PT15M'
    dimension: ''
    values: []
    actionGroupId: people.id
  }
}

output workspaceId string = workspace.id
output insightsName string = insights.name
output actionGroupId string = people.id
